using System.Globalization;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Resolving;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Recognizes an encoder-decoder in one file: nodes, then a <c>Loop</c> whose body scores labels, takes the best (<c>ArgMax</c>)
/// and passes it to the next round. A <c>Scan</c> has become a loop before. The nodes before the loop become the graph <c>encoder</c>.
/// The body up to the scores becomes the graph <c>step</c>, and the carried values become states. The runtime's decoders do the
/// search, and can do more than take the best label.
/// </summary>
internal sealed class GreedyLoop
{
    private static readonly HashSet<string> s_passing = ["Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Where"];

    private readonly IrGraph _whole;
    private readonly IrNode _loop;
    private readonly IrGraph _body;
    private readonly Dictionary<string, IrNode> _producers;
    private readonly HashSet<string> _defined;

    private GreedyLoop(IrGraph whole, IrNode loop, IrGraph body)
    {
        (_whole, _loop, _body) = (whole, loop, body);
        _producers = body.Producers();
        _defined = [.. body.Defined()];
    }

    /// <summary>The carried values: the initial value outside, the value in a round, and the value for the next round.</summary>
    private IEnumerable<(string First, string Value, string Next)> Carried =>
        Enumerable.Range(0, _loop.Inputs.Count - 2).Select(i => (_loop.Inputs[2 + i], _body.Inputs[2 + i].Value, _body.Outputs[1 + i].Value));

    /// <summary>The two graphs and how they are decoded. Null if the model has another form.</summary>
    public static ImportedModel? Split(IrGraph whole, List<string> notes)
    {
        if (whole.Nodes.FindAll(n => n.Op == "Loop") is not [var loop] || loop.Attributes.GetValueOrDefault("body") is not IrGraph body) return null;
        if (loop.Inputs.Count < 3 || body.Inputs.Count != loop.Inputs.Count || body.Outputs.Count < loop.Inputs.Count - 1) return null;
        if (loop.Inputs.Skip(2).Any(first => first.Length == 0)) return null;
        var split = new GreedyLoop(whole, loop, body);
        foreach (var (index, (_, value, next)) in split.Carried.Index())
        {
            if (split.TakenFrom(next) is { } scores) return split.Make(index, value, scores, notes);
        }

        return null;
    }

    private ImportedModel? Make(int tokenIndex, string token, string scores, List<string> notes)
    {
        var carried = Carried.ToList();
        var (nodes, values) = Needed(scores, token, carried);
        if (nodes.Exists(n => n.Attributes.Values.Any(a => a is IrGraph))) return null;
        var states = carried.FindAll(c => c.Value != token && values.Contains(c.Value) && c.Next != c.Value);
        // Values that a round only reads: outer values, and carried values that stay unchanged.
        var read = values.Where(v => v.Length > 0 && !_defined.Contains(v)).Select(v => (Outside: v, Inside: v))
            .Concat(carried.Where(c => c.Value != token && c.Next == c.Value && values.Contains(c.Value)).Select(c => (Outside: c.First, Inside: c.Value))).ToList();
        var encoder = Encoder([.. read.Select(r => r.Outside), .. states.Select(s => s.First), carried[tokenIndex].First]);
        var resolved = SizeProbes.Resolve(encoder, notes, out encoder);
        var symbol = encoder.Symbols().FirstOrDefault() ?? "T";
        IrTensor? Known(string outside) => _whole.ConstantOf(outside) ?? resolved.ConstantOf(outside);
        IrShape ShapeOf(string outside) => Known(outside) is { } constant ? new IrShape(constant.Type, constant.Shape) : resolved.ShapeOf(outside);
        IrDim[] Shape(string outside) => Array.ConvertAll(ShapeOf(outside).Sizes, size => size < 0 ? new IrDim(-1, symbol) : new IrDim(size, null));

        var step = new IrGraph("step") { Budget = _whole.Budget };
        foreach (var (name, tensor) in _body.Constants) step.Constants[name] = tensor;
        step.Constants[_body.Inputs[1].Value] = IrTensor.Of([], true);
        step.Nodes.AddRange(nodes);
        var metadata = new Dictionary<string, string>
        {
            [DecodingKeys.Kind] = DecodingKeys.EncoderDecoder,
            [DecodingKeys.Encoder] = encoder.Name,
            [DecodingKeys.Step] = step.Name,
            [DecodingKeys.Token] = token,
            [DecodingKeys.Logits] = scores,
        };
        if (_producers.GetValueOrDefault(scores)?.Op == "Softmax") metadata[DecodingKeys.Scores] = DecodingKeys.ScoresProbabilities;
        step.Inputs.Add(new IrPort(token, token, ShapeOf(carried[tokenIndex].First).Type, Shape(carried[tokenIndex].First)));
        if (values.Contains(_body.Inputs[0].Value))
        {
            step.Inputs.Add(new IrPort(_body.Inputs[0].Value, _body.Inputs[0].Value, ElementType.Int64, []));
            metadata[DecodingKeys.Position] = _body.Inputs[0].Value;
        }

        encoder.Outputs.Clear();
        foreach (var (outside, inside) in read)
        {
            if (_whole.ConstantOf(outside) is { } constant)
            {
                step.Constants[inside] = constant;
                if (_whole.Sources.TryGetValue(outside, out var names)) step.Sources[inside] = names;
                continue;
            }

            step.Inputs.Add(new IrPort(inside, inside, ShapeOf(outside).Type, Shape(outside)));
            Link(outside, inside);
        }

        foreach (var (first, value, next) in states)
        {
            var shape = ShapeOf(first);
            if (!shape.IsStatic) throw new ConversionException($"{_loop}: it carries '{value}' of shape {shape}, which grows or depends on the input, but states have a fixed size. Export encoder and step as two files.");
            step.States.Add(new IrState(value, value, next, next, shape.Type, Shape(first)));
            if (Known(first) is not { IsZero: true }) Link(first, value);
        }

        step.Outputs.Add(new IrPort(scores, scores, 0, []));
        Number(DecodingKeys.Begin, Known(carried[tokenIndex].First));
        Number(DecodingKeys.End, EndToken());
        Number(DecodingKeys.Max, _whole.ConstantOf(_loop.Inputs[0]));
        notes.Add($"{_whole.Name}: the loop '{_loop.Name}' takes the best label of each round; it became the graphs 'encoder' and 'step' for the runtime's decoders (begin {Text(DecodingKeys.Begin)}, end {Text(DecodingKeys.End)}, at most {Text(DecodingKeys.Max)} tokens; --decoding changes this)");
        return new ImportedModel(encoder, step) { Metadata = metadata, HasStates = true };

        void Link(string outside, string inside)
        {
            if (!encoder.Outputs.Exists(o => o.Name == outside)) encoder.Outputs.Add(new IrPort(outside, outside, 0, []));
            metadata[DecodingKeys.Link + inside] = outside;
        }

        string Text(string key) => metadata.GetValueOrDefault(key, "unknown");

        void Number(string key, IrTensor? tensor)
        {
            if (tensor is { Type: ElementType.Int64 or ElementType.Int32 } && tensor.Integers() is [var first, .. var rest] && first is >= 0 and <= 1 << 20 && Array.TrueForAll(rest, r => r == first))
                metadata[key] = first.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The scores whose best label a value is. Null if there are none.</summary>
    private string? TakenFrom(string value)
    {
        var seen = new HashSet<string>();
        var waiting = new Stack<string>([value]);
        while (waiting.TryPop(out var next))
        {
            if (!seen.Add(next) || !_producers.TryGetValue(next, out var node)) continue;
            if (node.Op == "ArgMax") return node.Input(0);
            if (node.Op == "TopK" && node.Output(1) == next && _body.ConstantOf(node.Input(1)) is { Type: ElementType.Int64 } count && count.Integers() is [1]) return node.Input(0);
            if (!s_passing.Contains(node.Op)) continue;
            for (var i = node.Inputs.Count - 1; i >= 0; i--) waiting.Push(node.Inputs[i]);
        }

        return null;
    }

    /// <summary>The nodes of the body that the scores and their states depend on, and all values that these nodes read.</summary>
    private (List<IrNode> Nodes, HashSet<string> Values) Needed(string scores, string token, List<(string First, string Value, string Next)> carried)
    {
        var values = new HashSet<string>();
        var waiting = new Stack<string>([scores]);
        while (waiting.TryPop(out var value))
        {
            if (!values.Add(value)) continue;
            if (_producers.TryGetValue(value, out var node))
            {
                foreach (var input in node.Inputs) waiting.Push(input);
            }

            foreach (var (_, inside, next) in carried)
            {
                if (inside == value && inside != token) waiting.Push(next);
            }
        }

        return (_body.Nodes.FindAll(n => n.Outputs.Exists(values.Contains)), values);
    }

    /// <summary>The nodes before the loop that the loop needs, with a batch of 1.</summary>
    private IrGraph Encoder(List<string> outputs)
    {
        var producers = _whole.Producers();
        var values = new HashSet<string>();
        var waiting = new Stack<string>(outputs);
        while (waiting.TryPop(out var value))
        {
            if (value.Length == 0 || !values.Add(value) || !producers.TryGetValue(value, out var node)) continue;
            foreach (var input in Uses(node)) waiting.Push(input);
        }

        var encoder = new IrGraph("encoder") { Budget = _whole.Budget };
        foreach (var (name, tensor) in _whole.Constants)
        {
            if (!values.Contains(name)) continue;
            encoder.Constants[name] = tensor;
            if (_whole.Sources.TryGetValue(name, out var names)) encoder.Sources[name] = names;
        }

        encoder.Nodes.AddRange(_whole.Nodes.Where(n => n != _loop && n.Outputs.Exists(values.Contains)));
        encoder.Inputs.AddRange(_whole.Inputs.Where(i => values.Contains(i.Value)));
        foreach (var output in outputs.Where(o => encoder.ConstantOf(o) is null).Distinct()) encoder.Outputs.Add(new IrPort(output, output, 0, []));
        foreach (var input in encoder.Inputs.ToList())
        {
            if (input.Shape is [{ Symbol: { } batch }, _, ..]) encoder.Fix(batch, 1);
        }

        return encoder;
    }

    private static IEnumerable<string> Uses(IrNode node) => node.Inputs.Concat(node.Attributes.Values.OfType<IrGraph>().SelectMany(g => g.Nodes.SelectMany(Uses).Concat(g.Outputs.Select(o => o.Value))));

    /// <summary>The label that the loop's condition, or a carried flag, compares with.</summary>
    private IrTensor? EndToken()
    {
        var seen = new HashSet<string>();
        var waiting = new Queue<string>([_body.Outputs[0].Value, .. Carried.Where((_, i) => _body.Inputs[2 + i].Type == ElementType.Bool).Select(c => c.Next)]);
        while (waiting.TryDequeue(out var value))
        {
            if (!seen.Add(value) || !_producers.TryGetValue(value, out var node)) continue;
            if (node.Op == "Equal")
            {
                foreach (var input in node.Inputs)
                {
                    if ((_body.ConstantOf(input) ?? _whole.ConstantOf(input)) is { Count: 1 } constant) return constant;
                }
            }

            foreach (var input in node.Inputs) waiting.Enqueue(input);
        }

        return null;
    }
}
