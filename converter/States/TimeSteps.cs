using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>A recurrent layer along time.</summary>
internal sealed record SteppedLayer(int Node);

/// <summary>A causal convolution along time. It reads <paramref name="Reach"/> previous steps for each step.</summary>
internal sealed record SteppedConv(int Node, int Axis, int Reach);

/// <summary>
/// Decides whether a graph over a sequence can continue where the previous run ended, so that splitting the sequence changes nothing. It
/// tracks the step of time of each element, for one guess of the inputs' time axes.
/// </summary>
internal sealed class TimeSteps
{
    private readonly SizedView _view;
    private readonly StepRules _rules;
    private readonly Predicate<int> _isOpen;
    private readonly Dictionary<string, long[]> _steps = [];
    private int _length = 1;
    private bool _isWhole;

    /// <summary>The first layer with sequence lengths after nodes at which the steps were lost.</summary>
    private NotStepwiseException? _masked;
    private bool _isLost;

    private TimeSteps(SizedView view, Predicate<int> isOpen)
    {
        (_view, _isOpen) = (view, isOpen);
        _rules = new StepRules(view);
    }

    public List<SteppedLayer> Layers { get; } = [];

    public List<SteppedConv> Convs { get; } = [];

    /// <summary>Nodes that pad along time, and nodes that cut the padding off again.</summary>
    public List<(int Node, int Axis)> Padding { get; } = [];

    /// <summary>Why it cannot continue. Null if it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Known operands of elementwise nodes.</summary>
    public IReadOnlyDictionary<string, IrTensor> Factors => _rules.Factors;

    /// <summary>An input that is one step of time as a whole.</summary>
    public const int Whole = -2;

    /// <summary>Analyses the graph with time on the given axes of inputs: -1 for an input without time, <see cref="Whole"/> for an input that is one step.</summary>
    /// <param name="view">The graph at some sizes.</param>
    /// <param name="axes">The time axis of each input.</param>
    /// <param name="isOpen">Whether the node of this number is a layer of open length. It is then not one step in each run, even if it has one step at these sizes.</param>
    public static TimeSteps Along(SizedView view, IReadOnlyDictionary<string, int> axes, Predicate<int> isOpen)
    {
        var time = new TimeSteps(view, isOpen);
        try
        {
            time.Walk(axes);
        }
        catch (NotStepwiseException fault)
        {
            time.Fault = fault.Message;
        }

        time._steps.Clear(); // They take eight bytes for each element of all values, and many guesses are compared.
        return time;
    }

    private void Walk(IReadOnlyDictionary<string, int> axes)
    {
        var graph = _view.Graph;
        _isWhole = axes.Values.Contains(Whole);
        foreach (var input in graph.Inputs) _steps[input.Value] = Steps(input.Value, axes.GetValueOrDefault(input.Name, -1));
        foreach (var state in graph.States) _steps[state.Value] = Same(state.Value, _length == 1 ? StepRules.First : StepRules.Held);
        var fault = (NotStepwiseException?)null;
        foreach (var (i, node) in graph.Nodes.Index())
        {
            if (node.Outputs.TrueForAll(o => o.Length == 0 || _view.Known(o) is not null)) continue;
            try
            {
                Visit(node, i);
            }
            catch (NotStepwiseException reason)
            {
                // Go on to find more layers: the reported guess is the one with most of them.
                fault ??= reason;
                _isLost = true;
                foreach (var output in node.Outputs.Where(o => o.Length > 0)) _steps[output] = Same(output, 0);
            }
        }

        if (fault is not null) throw _masked ?? fault;
        if (_rules.Fault is { } positions) throw new NotStepwiseException(positions);
        foreach (var output in graph.Outputs) CheckOutput(output);
    }

    private void Visit(IrNode node, int index)
    {
        if (node.Inputs.Exists(i => i.Length > 0 && _view.CountOf(i) > 1 << 22 && _view.Known(i) is null)) throw new NotStepwiseException($"{StepRules.Name(node)} is too large to analyse");
        var outputs = node.Recurrent is not null ? Recurrent(node, index) : node.Op is "Conv" or "ConvTranspose" or "MaxPool" or "AveragePool" or "InstanceNormalization" or "GroupNormalization" or "GlobalAveragePool" or "GlobalMaxPool" ? Spatial(node, index) : _rules.Outputs(node, Of);
        for (var i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length > 0) _steps[node.Outputs[i]] = outputs[i];
        }

        if (node.Op is "Pad" or "Slice") FindPadding(node, index);
    }

    private long[] Of(string value) => _steps.TryGetValue(value, out var steps) ? steps : Same(value, 0);

    private long[] Same(string value, long step)
    {
        var steps = new long[_view.CountOf(value)];
        Array.Fill(steps, step);
        return steps;
    }

    private long[] Steps(string value, int axis)
    {
        var shape = _view.ShapeOf(value);
        if (axis < 0) return Same(value, axis == Whole ? StepRules.First : 0);
        _length = shape[axis];
        var stride = shape.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
        return [.. Enumerable.Range(0, (int)_view.CountOf(value)).Select(i => StepRules.First + i / stride % shape[axis])];
    }

    private long[][] Recurrent(IrNode node, int index)
    {
        var x = Of(node.Input(0));
        var shape = _view.ShapeOf(node.Input(0));
        var (steps, batch, features) = (shape[0], shape[1], shape[2]);
        var rows = x.Chunk(Math.Max(features, 1)).Select(row => row.Aggregate(0L, (a, b) => StepRules.Join(a, b, node))).ToArray();
        var isAlong = steps == _length && !(_isWhole && _isOpen(index)) && Enumerable.Range(0, rows.Length).All(i => rows[i] == StepRules.First + i / batch);
        var hidden = node.Recurrent!.StateSize(i => _view.ShapeOf(node.Input(i)));
        var directions = node.String("direction", "forward") == "bidirectional" ? 2 : 1;
        if (!isAlong)
        {
            if (_isLost && steps == _length && Array.TrueForAll(rows, row => row == 0))
            {
                // A mask, for example, may have removed steps before the layer; it still walks along time.
                Layers.Add(new SteppedLayer(index));
                if (node.Input(4).Length > 0) _masked ??= EndsByLengths(node);
            }

            // Along another axis, such as the bands of one frame: each batch row holds one step of time.
            if (rows.Distinct().Count(r => r != 0) > 1 && !Enumerable.Range(0, rows.Length).All(i => rows[i] == rows[i % batch])) throw new NotStepwiseException($"layer '{node.Name}' reads the steps of time in a different order, or not all of them");
            var states = node.Inputs.Skip(5).Where(i => i.Length > 0).Select(Of).ToList();
            if (states.Exists(s => Array.Exists(s, step => step is not 0 and not StepRules.First))) throw new NotStepwiseException($"layer '{node.Name}' runs along an axis other than time, and starts with values of several steps");
            var rest = Enumerable.Range(0, batch).SelectMany(n => Enumerable.Repeat(rows.Length == 0 ? 0 : rows[n], hidden)).ToArray();
            long[] last = [.. Enumerable.Repeat(rest, directions).SelectMany(r => r)];
            return [[.. Enumerable.Repeat(last, steps).SelectMany(r => r)], last, last];
        }

        Layers.Add(new SteppedLayer(index));
        if (directions == 2 || Provenance.IsReverse(node, 0)) throw new NotStepwiseException($"layer '{node.Name}' reads the sequence from its end{(directions == 2 ? " (bidirectional)" : "")}");
        if (node.Input(4).Length > 0) throw EndsByLengths(node);
        var end = Enumerable.Repeat(StepRules.First + steps - 1, batch * hidden).ToArray();
        return [[.. Enumerable.Range(0, steps).SelectMany(t => Enumerable.Repeat(StepRules.First + t, batch * hidden))], end, end];
    }

    private static NotStepwiseException EndsByLengths(IrNode layer) => new($"layer '{layer.Name}' uses sequence lengths or a mask");

    /// <summary>Convolutions, pools and normalizations over [batch, channels, spatial axes].</summary>
    private long[][] Spatial(IrNode node, int index)
    {
        var x = Of(node.Input(0));
        int[] shape = _view.ShapeOf(node.Input(0)), result = _view.ShapeOf(node.Output(0));
        var block = Math.Max(x.Length / Math.Max(shape[0], 1), 1);
        if (node.Inputs.Skip(1).Any(i => i.Length > 0 && _view.Known(i) is null)) return _rules.All(node, Of);
        var byRow = x.Chunk(block).Select(row => row.Where(s => s != 0).Distinct().ToList()).ToArray();
        if (Array.TrueForAll(byRow, row => row.Count <= 1)) return [[.. byRow.SelectMany(row => Enumerable.Repeat(row.Count == 0 ? 0 : row[0], result.Skip(1).Aggregate(1, (a, b) => a * b)))]];
        if (TimeAxis(x, shape) is not (>= 2 and var axis)) throw new NotStepwiseException($"{StepRules.Name(node)} combines different steps of time");
        if (node.Op != "Conv") throw new NotStepwiseException($"{StepRules.Name(node)} works over several steps of time at once");

        var first = x.First(s => s != 0);
        var spatial = axis - 2;
        var kernel = _view.ShapeOf(node.Input(1))[2..];
        var (pads, strides, dilations) = ShapeRules.Window(node, shape.AsSpan()[2..], kernel);
        var reach = (int)((kernel[spatial] - 1) * dilations[spatial]);
        if (reach > 0) Convs.Add(new SteppedConv(index, axis, reach));
        if (strides[spatial] != 1) throw new NotStepwiseException($"{StepRules.Name(node)} takes every {Ordinal(strides[spatial])} step");
        var start = first - pads[spatial] + reach;
        if (start != StepRules.First)
        {
            var (left, right) = (StepRules.First - first + pads[spatial], pads[spatial + kernel.Length]);
            throw new NotStepwiseException(start > StepRules.First && left == 0 && right == 0
                ? $"convolution '{node.Name}' has no padding, so its output is {Steps(reach)} shorter than its input"
                : start > StepRules.First ? $"convolution '{node.Name}' looks {Steps((int)(start - StepRules.First))} ahead ({left} of padding before, {right} after)" : $"convolution '{node.Name}' has more padding before the sequence ({left}) than its window needs ({reach})");
        }

        var stride = result.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
        return [[.. Enumerable.Range(0, result.Aggregate(1, (a, b) => a * b)).Select(i => StepRules.First + i / stride % result[axis])]];

        static string Steps(int count) => count == 1 ? "1 step" : $"{count} steps";
        static string Ordinal(long n) => n switch { 2 => "2nd", 3 => "3rd", _ => $"{n}th" };
    }

    /// <summary>The axis along which consecutive steps lie, with everything else equal. Null if there is none.</summary>
    private static int? TimeAxis(long[] steps, int[] shape)
    {
        for (var axis = 0; axis < shape.Length; axis++)
        {
            var stride = shape.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
            if (shape[axis] > 0 && steps.Length > 0 && steps[0] > 0 && Enumerable.Range(0, steps.Length).All(i => steps[i] == steps[0] + i / stride % shape[axis])) return axis;
        }

        return null;
    }

    private void FindPadding(IrNode node, int index)
    {
        long[] before = Of(node.Input(0)), after = Of(node.Output(0));
        if (TimeAxis(before, _view.ShapeOf(node.Input(0))) is not { } axis || TimeAxis(after, _view.ShapeOf(node.Output(0))) != axis) return;
        var end = StepRules.First + _length - 1;
        var (isPadded, isCut) = (before[^1] > end || before[0] < StepRules.First, after[0] == StepRules.First && after[^1] == end);
        if (node.Op == "Pad" ? (after[0] < before[0] || after[^1] > before[^1]) && IsZeroPad(node) : isPadded && isCut) Padding.Add((index, axis));
        else if (node.Op == "Slice" && isPadded && (after[0] != before[0] || after[^1] != before[^1])) throw new NotStepwiseException($"{StepRules.Name(node)} cuts off a part of the padding along time");
        else if (node.Op == "Pad" && after.Length != before.Length && !after.SequenceEqual(before) && (after[0] != before[0] || after[^1] != before[^1])) throw new NotStepwiseException($"{StepRules.Name(node)} pads time with values other than zero");
    }

    private bool IsZeroPad(IrNode node) => node.String("mode", "constant") == "constant" && (node.Input(2).Length == 0 || _view.Known(node.Input(2)) is { IsZero: true });

    /// <summary>Checks that an output holds all steps in order, or the last step.</summary>
    private void CheckOutput(IrPort output)
    {
        var steps = Of(output.Value);
        var end = StepRules.First + _length - 1;
        if (Array.TrueForAll(steps, s => s == 0 || s == end)) return;
        var found = steps.Where(s => s != 0).Distinct().Order().ToList();
        var isWhole = found.Count == _length && found[0] == StepRules.First && found[^1] == end;
        if (!isWhole) throw new NotStepwiseException(found.Exists(s => s == StepRules.Held) ? $"output '{output.Name}' is a state of the previous run" : $"output '{output.Name}' holds only a part of the steps");
        if (!steps.SequenceEqual(steps.Order()) && TimeAxis(steps, _view.ShapeOf(output.Value)) is null) throw new NotStepwiseException($"output '{output.Name}' has the steps in a different order");
    }
}
