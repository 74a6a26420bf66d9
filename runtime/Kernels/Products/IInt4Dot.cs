namespace SeqRuntime.Kernels.Products;

/// <summary>
/// Products of int4 weights (rows in lanes, 8 inputs in the nibbles of each lane) by int8 inputs: within a group of 32
/// inputs sums are small; after a group they become int32, multiplied by the group's scale.
/// </summary>
/// <remarks>
/// A nibble n stands for the weight n - 8. The kernels do not subtract 8 from each nibble: Σ (n - 8)·x = Σ n·x - 8·Σ x, and -8·Σ x is the same
/// for all rows, so it is computed once (<see cref="StartGroup"/>). With x in [-127, 127] a group's sum is at most 32·8·127 = 32512, and half
/// of it, at any point of the summation, at most 16256: both fit int16. Everything is exact on every instruction set.
/// </remarks>
/// <typeparam name="I">Lanes of int32, one a row; also seen as 4 bytes a lane.</typeparam>
/// <typeparam name="G">Sums of a group not yet complete.</typeparam>
internal unsafe interface IInt4Dot<I, G>
    where I : unmanaged
    where G : unmanaged
{
    /// <summary>-8·Σ x over one group of 32 inputs, in the form that <see cref="BeginGroup"/> and <see cref="EndGroup"/> take.</summary>
    static abstract int StartGroup(sbyte* x);

    /// <summary>Initial sums of a group.</summary>
    static abstract G BeginGroup(int* start);

    /// <summary>Nibbles of a vector of rows by 8 inputs.</summary>
    static abstract I LoadNibbles(byte* w);

    /// <summary>The first 4 of 8 inputs, each nibble in a byte.</summary>
    static abstract I LowNibbles(I nibbles);

    /// <summary>The last 4 of 8 inputs, each nibble in a byte.</summary>
    static abstract I HighNibbles(I nibbles);

    /// <summary>4 inputs repeated in all lanes.</summary>
    static abstract I LoadInputs(sbyte* x);

    /// <summary>sums + Σ n·x over the 4 inputs of each lane.</summary>
    static abstract G MulAddNibbles(G sums, I n, I x);

    /// <summary>Scales of a vector of rows, as <see cref="EndGroup"/> takes them.</summary>
    static abstract I LoadGroupScales(sbyte* scales);

    /// <summary>acc + scale · the group's sum.</summary>
    static abstract I EndGroup(I acc, G sums, int* start, I scales);
}
