using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Lets one node compute many independent streams at once. In <see cref="Operator.TryBatch"/> an operator calls one of the methods here to say
/// which axis of each input and output holds the streams. None of them allocates.
/// </summary>
/// <param name="one">The node's values for one stream.</param>
/// <param name="isShared">Whether input i is the same for all streams.</param>
/// <param name="inputs">Receives the inputs' layouts. Null for inputs that all streams share.</param>
/// <param name="outputs">Receives the outputs' layouts.</param>
internal readonly ref struct Batching(NodeContext one, bool[] isShared, BatchLayout?[] inputs, BatchLayout?[] outputs)
{
    /// <summary>The node's values for one stream.</summary>
    public NodeContext One => one;

    /// <summary>Finds the layouts of a node's values. False if the node runs stream after stream.</summary>
    public static bool Find(Operator op, NodeContext one, bool[] isShared, BatchLayout?[] inputs, BatchLayout?[] outputs)
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

        return op.TryBatch(new Batching(one, isShared, inputs, outputs));
    }

    /// <summary>Whether an input is the same for all streams.</summary>
    public bool IsShared(int input) => isShared[input];

    /// <summary>Whether an axis of input 0, counted from either end, is not its first.</summary>
    public bool IsInner(long axis)
    {
        var rank = one.Input(0).Rank;
        return rank > 1 && Axes.Normalize(axis, rank) != 0;
    }

    /// <summary>Each element of input 0 is independent. All other inputs are shared.</summary>
    public bool Elements() => First(BatchLayout.Flat);

    /// <summary>Each row of input 0's last dimension is independent. All other inputs are shared.</summary>
    public bool Rows() => First(BatchLayout.Rows);

    /// <summary>The first dimension is a batch of rows. The <paramref name="batched"/> inputs have it; all others are shared.</summary>
    public bool Leading(params ReadOnlySpan<int> batched)
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

    /// <summary>Elementwise with NumPy's broadcasting: streams are a new first dimension.</summary>
    public bool Broadcast()
    {
        var y = one.Output(0);
        var isFlat = true;
        for (var i = 0; i < inputs.Length; i++) isFlat &= !isShared[i] && one.Input(i).Shape.Equals(y.Shape);
        if (!isFlat && y.Rank == Shape.MaxRank) return false;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (!isShared[i]) inputs[i] = isFlat ? BatchLayout.Flat(one.Input(i)) : BatchLayout.Before(one.Input(i), y.Rank);
        }

        outputs[0] = isFlat ? BatchLayout.Flat(y) : BatchLayout.Before(y, y.Rank);
        return true;
    }

    /// <summary>A recurrent layer: X [T, N, I], states [D, N, S], Y [T, D, N, S]. A shared state is repeated.</summary>
    public bool Sequences(int states)
    {
        if (isShared[0] || one.Optional(1) is not null) return false;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (i > 1 + states && one.Optional(i) is not null && !isShared[i]) return false;
            if (i <= 1 + states && one.Optional(i) is { } input) inputs[i] = BatchLayout.Batch(input, 1);
        }

        return SeeOutputs(output => BatchLayout.Batch(output, output.Rank - 2));
    }

    private bool First(Func<Tensor, BatchLayout> see)
    {
        if (!AreShared([0])) return false;
        inputs[0] = see(one.Input(0));
        return SeeOutputs(see);
    }

    private bool Lead(int i)
    {
        if (one.Optional(i) is not { } input) return true;
        if (isShared[i] || input.Rank < 1) return false;
        inputs[i] = BatchLayout.Batch(input, 0);
        return true;
    }

    private bool LeadOutputs()
    {
        for (var o = 0; o < one.OutputCount; o++)
        {
            if (one.OptionalOutput(o) is { Rank: < 1 }) return false;
        }

        return SeeOutputs(output => BatchLayout.Batch(output, 0));
    }

    private bool SeeOutputs(Func<Tensor, BatchLayout> see)
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
