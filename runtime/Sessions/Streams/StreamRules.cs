using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Streams;

/// <summary>
/// Which nodes can compute many independent streams in one go, and how their values are then seen. A rule stands here only for
/// kinds whose rows do not touch each other, bit for bit; whatever has none, or does not fit it, runs stream after stream.
/// </summary>
/// <remarks>
/// Nodes that may refuse what an input holds (an index out of range, an integer divided by 0, a sequence's length) have no rule, so
/// that the error can name the stream.
/// </remarks>
internal static class StreamRules
{
    /// <summary>Layouts of the node's inputs and outputs (null for inputs that all streams share), or null where it runs stream after stream.</summary>
    /// <param name="node">The node.</param>
    /// <param name="one">Its values for one stream.</param>
    /// <param name="isShared">Whether input i is the same for all streams.</param>
    public static (StreamLayout?[] Inputs, StreamLayout?[] Outputs)? Find(LoadedNode node, NodeContext one, bool[] isShared)
    {
        for (var i = 0; i < one.InputCount; i++)
        {
            if (one.Optional(i) is { Format: TensorFormat.Dense, Count: 0 }) return null;
        }

        for (var o = 0; o < one.OutputCount; o++)
        {
            if (one.OptionalOutput(o) is { Count: 0 }) return null;
        }

        return node.Kind switch
        {
            OpKind.Linear => Product(one, isShared, StreamLayout.Rows),
            OpKind.MatMul when isShared[1] && one.Input(1).Rank == 2 => Product(one, isShared, StreamLayout.Rows),
            OpKind.Rnn or OpKind.Gru or OpKind.Lstm => Recurrent(node, one, isShared),
            OpKind.Unary or OpKind.Cast or OpKind.Clip => Product(one, isShared, StreamLayout.Flat),
            OpKind.Binary when one.Input(0).Type == ElementType.Float32 => Broadcast(one, isShared),
            OpKind.Where => Broadcast(one, isShared),
            OpKind.Conv => Leading(one, isShared, [0, 3]),
            OpKind.ConvTranspose or OpKind.Pool or OpKind.GroupNormalization or OpKind.InstanceNormalization => Leading(one, isShared, [0]),
            OpKind.Softmax or OpKind.LogSoftmax or OpKind.Hardmax or OpKind.LayerNormalization or OpKind.RmsNormalization or OpKind.LpNormalization
                when IsInner(node.Attributes.Int(AttributeKey.Axis, -1), one) => Leading(one, isShared, [0]),
            OpKind.Concat when IsInner(node.Attributes.Int(AttributeKey.Axis, 0), one) => Leading(one, isShared, [.. Enumerable.Range(0, one.InputCount)]),
            OpKind.Split or OpKind.Gather when IsInner(node.Attributes.Int(AttributeKey.Axis, 0), one) => Leading(one, isShared, [0]),
            OpKind.Slice when IsInner(one.Optional(3), one) => Leading(one, isShared, [0]),
            OpKind.Reduce when IsInner(one.Optional(1), one) => Leading(one, isShared, [0]),
            OpKind.Transpose when node.Attributes.Ints(AttributeKey.Perm) is [0, ..] => Leading(one, isShared, [0]),
            _ => null,
        };
    }

    /// <summary>Every element, or every row, of input 0 by itself; all other inputs shared.</summary>
    private static (StreamLayout?[] Inputs, StreamLayout?[] Outputs)? Product(NodeContext one, bool[] isShared, Func<Tensor, StreamLayout> see)
    {
        if (!AreShared(isShared, [0])) return null;
        var inputs = new StreamLayout?[one.InputCount];
        inputs[0] = see(one.Input(0));
        return (inputs, Outputs(one, see));
    }

    /// <summary>The first dimension is a batch of rows; <paramref name="batched"/> inputs have it, all others are shared.</summary>
    private static (StreamLayout?[] Inputs, StreamLayout?[] Outputs)? Leading(NodeContext one, bool[] isShared, int[] batched)
    {
        if (!AreShared(isShared, batched)) return null;
        var inputs = new StreamLayout?[one.InputCount];
        foreach (var i in batched)
        {
            if (one.Optional(i) is not { } input) continue;
            if (isShared[i] || input.Rank < 1) return null;
            inputs[i] = StreamLayout.Batch(input, 0);
        }

        for (var o = 0; o < one.OutputCount; o++)
        {
            if (one.OptionalOutput(o) is { Rank: < 1 }) return null;
        }

        return (inputs, Outputs(one, output => StreamLayout.Batch(output, 0)));
    }

    /// <summary>Elementwise by NumPy's broadcasting: streams are a dimension before all others.</summary>
    private static (StreamLayout?[] Inputs, StreamLayout?[] Outputs)? Broadcast(NodeContext one, bool[] isShared)
    {
        var y = one.Output(0);
        var inputs = new StreamLayout?[one.InputCount];
        var isFlat = true;
        for (var i = 0; i < inputs.Length; i++) isFlat &= !isShared[i] && one.Input(i).Shape.Equals(y.Shape);
        if (!isFlat && y.Rank == Shape.MaxRank) return null;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (!isShared[i]) inputs[i] = isFlat ? StreamLayout.Flat(one.Input(i)) : StreamLayout.Before(one.Input(i), y.Rank);
        }

        return (inputs, [isFlat ? StreamLayout.Flat(y) : StreamLayout.Before(y, y.Rank)]);
    }

    /// <summary>X [T, N, I], states [D, N, S], Y [T, D, N, S]; a state that all share is repeated.</summary>
    private static (StreamLayout?[] Inputs, StreamLayout?[] Outputs)? Recurrent(LoadedNode node, NodeContext one, bool[] isShared)
    {
        var states = node.Kind == OpKind.Lstm ? 2 : 1;
        if (isShared[0] || one.Optional(1) is not null) return null;
        var inputs = new StreamLayout?[one.InputCount];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (i > 1 + states && one.Optional(i) is not null && !isShared[i]) return null;
            if (i <= 1 + states && one.Optional(i) is { } input) inputs[i] = StreamLayout.Batch(input, 1);
        }

        return (inputs, Outputs(one, output => StreamLayout.Batch(output, output.Rank - 2)));
    }

    private static StreamLayout?[] Outputs(NodeContext one, Func<Tensor, StreamLayout> see)
    {
        var outputs = new StreamLayout?[one.OutputCount];
        for (var o = 0; o < outputs.Length; o++) outputs[o] = one.OptionalOutput(o) is { } output ? see(output) : null;
        return outputs;
    }

    private static bool AreShared(bool[] isShared, int[] except)
    {
        for (var i = 0; i < isShared.Length; i++)
        {
            if (!isShared[i] && Array.IndexOf(except, i) < 0) return false;
        }

        return true;
    }

    /// <summary>Whether the axis is another than the first, from whichever end it is counted.</summary>
    private static bool IsInner(long axis, NodeContext one)
    {
        var rank = one.Input(0).Rank;
        return rank > 1 && Axes.Normalize(axis, rank) != 0;
    }

    private static bool IsInner(Tensor? axes, NodeContext one)
    {
        if (axes is not { IsKnown: true, Count: > 0 }) return false;
        for (var i = 0; i < axes.Count; i++)
        {
            if (!IsInner(axes.Integer(i), one)) return false;
        }

        return true;
    }
}
