using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Samples;

/// <summary>
/// Finds out what a graph's inputs hold, by following each to the nodes that use it: the table that it indexes, a length, a logarithm. Where
/// the graph does not tell, the input's name may.
/// </summary>
internal sealed class InputTracing
{
    /// <summary>Fewest taps of a filter of samples. A shorter one may go over measurements of any kind.</summary>
    private const int ShortestFilter = 8;

    private readonly LoadedGraph _graph;
    private readonly Dictionary<int, List<(LoadedNode Node, int Place)>> _readers = [];

    private InputTracing(LoadedGraph graph)
    {
        _graph = graph;
        foreach (var node in graph.Nodes)
        {
            foreach (var (place, input) in node.Inputs.Index())
            {
                if (input < 0) continue;
                if (!_readers.TryGetValue(input, out var list)) _readers[input] = list = [];
                list.Add((node, place));
            }
        }
    }

    /// <summary>What each input of a graph holds.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="isSound">Whether the model takes samples of sound.</param>
    public static InputFact[] Of(LoadedGraph graph, bool isSound)
    {
        var tracing = new InputTracing(graph);
        return Array.ConvertAll(graph.Inputs, value => tracing.FactOf(value, isSound));
    }

    private InputFact FactOf(int value, bool isSound)
    {
        var (type, name) = (_graph.Values[value].Type, _graph.Values[value].Name);
        if (type == ElementType.Bool) return new InputFact(InputKind.Ones);
        var isFloat = type is ElementType.Float32 or ElementType.Float64;
        var (least, most, isLength, isPositive, isCompared, isSignal) = Follow(value);
        if (most is { } last) return new InputFact(InputKind.Tokens, Whole(Math.Min(least, last)), Whole(last));
        if (isLength) return new InputFact(InputKind.Lengths);
        if (Has(name, "mask")) return new InputFact(InputKind.Ones);
        if (Has(name, "length") || (!isFloat && Has(name, "len"))) return new InputFact(InputKind.Lengths);
        if (Has(name, "position")) return new InputFact(InputKind.Positions);
        if (isFloat) return new InputFact(isPositive ? InputKind.Positive : isSound || isSignal ? InputKind.Sound : InputKind.Noise);
        return new InputFact(isCompared ? InputKind.Lengths : InputKind.Bits);
    }

    private static int Whole(long token) => (int)Math.Clamp(token, int.MinValue, int.MaxValue);

    private static bool Has(string name, string word) => name.Contains(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Follows a value through nodes that only move it or add a number to it.</summary>
    private (long Least, long? Most, bool IsLength, bool IsPositive, bool IsCompared, bool IsSignal) Follow(int start)
    {
        (long least, long? most, bool isLength, bool isPositive, bool isCompared, bool isSignal) = (0, null, false, false, false, false);
        var seen = new HashSet<int> { start };
        var open = new Stack<(int Value, double? Added)>([(start, 0)]);
        while (open.TryPop(out var at))
        {
            foreach (var (node, place) in _readers.GetValueOrDefault(at.Value, []))
            {
                if (RowsOf(node, place) is { } rows)
                {
                    // A scaled index has an unknown range.
                    if (at.Added is not { } added) continue;
                    (least, most) = (Math.Max(least, (long)Math.Ceiling(-added)), Math.Min(most ?? long.MaxValue, rows - 1 - (long)Math.Ceiling(added)));
                }
                else if (IsLengthOf(node, place)) isLength = true;
                else if (place == 0 && NeedsPositive(node)) isPositive = true;
                else if (place == 0 && IsFilter(node)) isSignal = true;
                else if (node.Kind == OpKind.Binary && Function(node) is BinaryFunction.Less or BinaryFunction.LessOrEqual or BinaryFunction.Greater or BinaryFunction.GreaterOrEqual) isCompared = true;
                else if (Moved(node, place) is { } moved)
                {
                    var next = moved.Factor is { } ? null : at.Added + moved.Added;
                    foreach (var output in node.Outputs)
                    {
                        if (output >= 0 && seen.Add(output)) open.Push((output, next));
                    }
                }
            }
        }

        return (least, most, isLength, isPositive, isCompared, isSignal);
    }

    /// <summary>The rows of the table that an input of a node indexes. Null if it is no index, or if the rows are unknown.</summary>
    private long? RowsOf(LoadedNode node, int place)
    {
        switch (node.Kind)
        {
            case OpKind.Embedding when place == 1: return Constant(node.Inputs[0])?.Layout.Rows;
            case OpKind.ColumnEmbedding when place == 1: return Constant(node.Inputs[0])?.Layout.Columns;
            case OpKind.Gather when place == 1:
                var sizes = Constant(node.Inputs[0])?.Shape.AsSpan().ToArray() ?? _graph.Values[node.Inputs[0]].Sizes;
                var axis = node.Attributes.Int32(AttributeKey.Axis, 0);
                if (axis < 0) axis += sizes.Length;
                return axis >= 0 && axis < sizes.Length && sizes[axis] > 0 ? sizes[axis] : null;
            case OpKind.OneHot when place == 0: return Number(node.Inputs[1]) is { } depth ? (long)depth : null;
            default: return null;
        }
    }

    private static bool IsLengthOf(LoadedNode node, int place) => place == 1 && (node.Operator is Recurrent || node.Kind == OpKind.ReverseSequence);

    private bool NeedsPositive(LoadedNode node) => node.Kind switch
    {
        OpKind.Unary => (UnaryFunction)node.Attributes.Int(AttributeKey.Function, 0) is UnaryFunction.Log or UnaryFunction.Sqrt,
        OpKind.Reduce => (ReduceFunction)node.Attributes.Int(AttributeKey.Function, 0) is ReduceFunction.LogSum,
        OpKind.Binary => Function(node) == BinaryFunction.Pow && Number(node.Inputs[1]) is { } power && power != Math.Floor(power),
        _ => false,
    };

    /// <summary>Whether a node is a convolution of one channel along time, as over samples of sound.</summary>
    private bool IsFilter(LoadedNode node) =>
        node.Kind == OpKind.Conv && node.Attributes.Ints(AttributeKey.KernelShape) is [>= ShortestFilter and var taps] && node.Attributes.Int(AttributeKey.Group, 1) == 1
        && Constant(node.Inputs[1]) is { } weights && (weights.Format == TensorFormat.Dense ? weights.Shape[1] : weights.Layout.Columns / taps) == 1;

    private static BinaryFunction Function(LoadedNode node) => (BinaryFunction)node.Attributes.Int(AttributeKey.Function, 0);

    /// <summary>What a node adds to its input, or by what it multiplies it, if it does no more.</summary>
    private (double Added, double? Factor)? Moved(LoadedNode node, int place)
    {
        switch (node.Kind)
        {
            case OpKind.Identity or OpKind.Cast or OpKind.Concat:
            case OpKind.Reshape or OpKind.Squeeze or OpKind.Unsqueeze or OpKind.Flatten or OpKind.Transpose or OpKind.Split or OpKind.Slice or OpKind.Pad or OpKind.Expand or OpKind.Tile or OpKind.Gather or OpKind.Clip when place == 0:
            case OpKind.Unary when (UnaryFunction)node.Attributes.Int(AttributeKey.Function, 0) is UnaryFunction.Floor or UnaryFunction.Ceil or UnaryFunction.Round or UnaryFunction.Relu:
                return (0, null);
            case OpKind.Binary when Number(node.Inputs[1 - place]) is { } number:
                return Function(node) switch
                {
                    BinaryFunction.Add => (number, null),
                    BinaryFunction.Sub when place == 0 => (-number, null),
                    BinaryFunction.Mul when number > 0 => (0, number),
                    BinaryFunction.Div when place == 0 && number > 0 => (0, number),
                    BinaryFunction.Max or BinaryFunction.Min => (0, null),
                    _ => null,
                };
            default: return null;
        }
    }

    private Tensor? Constant(int value) => value < 0 ? null : _graph.Values[value].Constant;

    /// <summary>A constant of one element.</summary>
    private unsafe double? Number(int value)
    {
        if (Constant(value) is not { Count: 1, Format: TensorFormat.Dense } one) return null;
        return one.Type switch
        {
            ElementType.Float32 => *(float*)one.Data,
            ElementType.Float64 => *(double*)one.Data,
            ElementType.Int64 => *(long*)one.Data,
            ElementType.Int32 => *(int*)one.Data,
            _ => null,
        };
    }
}
