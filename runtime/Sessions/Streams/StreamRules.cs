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
    /// <summary>Finds layouts of the node's inputs and outputs (null for inputs that all streams share), or false where it runs stream after stream. Allocates nothing.</summary>
    /// <param name="node">The node.</param>
    /// <param name="one">Its values for one stream.</param>
    /// <param name="isShared">Whether input i is the same for all streams.</param>
    /// <param name="inputs">Layouts of the inputs.</param>
    /// <param name="outputs">Layouts of the outputs.</param>
    public static bool Find(LoadedNode node, NodeContext one, bool[] isShared, StreamLayout?[] inputs, StreamLayout?[] outputs)
    {
        Array.Clear(inputs);
        Array.Clear(outputs);
        for (var i = 0; i < one.InputCount; i++)
        {
            if (one.Optional(i) is { Format: TensorFormat.Dense, Count: 0 }) return false;
        }

        for (var o = 0; o < one.OutputCount; o++)
        {
            if (one.OptionalOutput(o) is { Count: 0 }) return false;
        }

        var rule = new Rule(one, isShared, inputs, outputs);
        return node.Kind switch
        {
            OpKind.Linear => rule.Product(StreamLayout.Rows),
            OpKind.MatMul when isShared[1] && one.Input(1).Rank == 2 => rule.Product(StreamLayout.Rows),
            OpKind.Rnn or OpKind.Gru or OpKind.Lstm => rule.Recurrent(node.Kind == OpKind.Lstm ? 2 : 1),
            OpKind.Unary or OpKind.Cast or OpKind.Clip => rule.Product(StreamLayout.Flat),
            OpKind.Binary when one.Input(0).Type == ElementType.Float32 => rule.Broadcast(),
            OpKind.Where => rule.Broadcast(),
            OpKind.Conv => rule.Leading([0, 3]),
            OpKind.ConvTranspose or OpKind.Pool or OpKind.GroupNormalization or OpKind.InstanceNormalization => rule.Leading([0]),
            OpKind.Softmax or OpKind.LogSoftmax or OpKind.Hardmax or OpKind.LayerNormalization or OpKind.RmsNormalization or OpKind.LpNormalization
                when IsInner(node.Attributes.Int(AttributeKey.Axis, -1), one) => rule.Leading([0]),
            OpKind.Concat when IsInner(node.Attributes.Int(AttributeKey.Axis, 0), one) => rule.AllLeading(),
            OpKind.Split or OpKind.Gather when IsInner(node.Attributes.Int(AttributeKey.Axis, 0), one) => rule.Leading([0]),
            OpKind.Slice when IsInnerSlice(one) => rule.Leading([0]),
            OpKind.Reduce when IsInner(one.Optional(1), one) => rule.Leading([0]),
            OpKind.Transpose when node.Attributes.Ints(AttributeKey.Perm) is [0, ..] => rule.Leading([0]),
            _ => false,
        };
    }

    /// <summary>Whether the axis is another than the first, from whichever end it is counted.</summary>
    private static bool IsInner(long axis, NodeContext one)
    {
        var rank = one.Input(0).Rank;
        return rank > 1 && Axes.Normalize(axis, rank) != 0;
    }

    /// <summary>A slice that takes the first dimension from its beginning, step by step, takes all of it, or the shapes would not fit.</summary>
    private static bool IsInnerSlice(NodeContext one)
    {
        var (starts, axes, steps) = (one.Known(1), one.Optional(3), one.Optional(4));
        for (var i = 0; i < starts.Count; i++)
        {
            if (!IsInner(axes?.Integer(i) ?? i, one) && (starts.Integer(i) != 0 || (steps?.Integer(i) ?? 1) != 1)) return false;
        }

        return true;
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

    /// <summary>What rules have in common: a node's values, and where layouts go.</summary>
    private readonly ref struct Rule(NodeContext one, bool[] isShared, StreamLayout?[] inputs, StreamLayout?[] outputs)
    {
        /// <summary>Every element, or every row, of input 0 by itself; all other inputs shared.</summary>
        public bool Product(Func<Tensor, StreamLayout> see)
        {
            if (!AreShared([0])) return false;
            inputs[0] = see(one.Input(0));
            return SeeOutputs(see);
        }

        /// <summary>The first dimension is a batch of rows; <paramref name="batched"/> inputs have it, all others are shared.</summary>
        public bool Leading(ReadOnlySpan<int> batched)
        {
            if (!AreShared(batched)) return false;
            foreach (var i in batched)
            {
                if (!Lead(i)) return false;
            }

            return LeadOutputs();
        }

        /// <summary>The first dimension of every input is a batch of rows.</summary>
        public bool AllLeading()
        {
            for (var i = 0; i < inputs.Length; i++)
            {
                if (!Lead(i)) return false;
            }

            return LeadOutputs();
        }

        /// <summary>Elementwise by NumPy's broadcasting: streams are a dimension before all others.</summary>
        public bool Broadcast()
        {
            var y = one.Output(0);
            var isFlat = true;
            for (var i = 0; i < inputs.Length; i++) isFlat &= !isShared[i] && one.Input(i).Shape.Equals(y.Shape);
            if (!isFlat && y.Rank == Shape.MaxRank) return false;
            for (var i = 0; i < inputs.Length; i++)
            {
                if (!isShared[i]) inputs[i] = isFlat ? StreamLayout.Flat(one.Input(i)) : StreamLayout.Before(one.Input(i), y.Rank);
            }

            outputs[0] = isFlat ? StreamLayout.Flat(y) : StreamLayout.Before(y, y.Rank);
            return true;
        }

        /// <summary>X [T, N, I], states [D, N, S], Y [T, D, N, S]; a state that all share is repeated.</summary>
        public bool Recurrent(int states)
        {
            if (isShared[0] || one.Optional(1) is not null) return false;
            for (var i = 0; i < inputs.Length; i++)
            {
                if (i > 1 + states && one.Optional(i) is not null && !isShared[i]) return false;
                if (i <= 1 + states && one.Optional(i) is { } input) inputs[i] = StreamLayout.Batch(input, 1);
            }

            return SeeOutputs(output => StreamLayout.Batch(output, output.Rank - 2));
        }

        private bool Lead(int i)
        {
            if (one.Optional(i) is not { } input) return true;
            if (isShared[i] || input.Rank < 1) return false;
            inputs[i] = StreamLayout.Batch(input, 0);
            return true;
        }

        private bool LeadOutputs()
        {
            for (var o = 0; o < one.OutputCount; o++)
            {
                if (one.OptionalOutput(o) is { Rank: < 1 }) return false;
            }

            return SeeOutputs(output => StreamLayout.Batch(output, 0));
        }

        private bool SeeOutputs(Func<Tensor, StreamLayout> see)
        {
            for (var o = 0; o < outputs.Length; o++) outputs[o] = one.OptionalOutput(o) is { } output ? see(output) : null;
            return true;
        }

        private bool AreShared(ReadOnlySpan<int> except)
        {
            for (var i = 0; i < isShared.Length; i++)
            {
                if (!isShared[i] && !except.Contains(i)) return false;
            }

            return true;
        }
    }
}
