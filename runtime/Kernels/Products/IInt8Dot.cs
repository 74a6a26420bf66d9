using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// Products of int8 weights (rows in lanes, 4 consecutive inputs in each lane) by 4 inputs repeated in every lane.
/// </summary>
/// <remarks>All values are in [-127, 127]; sums are exact int32 on every instruction set.</remarks>
/// <typeparam name="I">Lanes of int32, also seen as 4 int8 a lane.</typeparam>
/// <typeparam name="A">Running sums of a vector of rows.</typeparam>
internal unsafe interface IInt8Dot<I, A>
    where I : unmanaged
    where A : unmanaged
{
    /// <summary>Most vectors of rows whose sums fit the registers for one row of inputs.</summary>
    static abstract int Vectors { get; }

    /// <summary>
    /// Whether two rows of inputs share each vector of weights. Without it each row goes through a piece of weights alone: faster where factors and flips of
    /// two rows leave too few registers for the sums, because the piece stays in the first cache.
    /// </summary>
    static abstract bool PairsRows { get; }

    /// <summary>
    /// Whether two of each four vectors keep a sum for every other group, for shorter chains, and the other two take their weights at once, for fewer loads.
    /// <see cref="Vectors"/> is 8 then, and their sums take 12 registers.
    /// </summary>
    static abstract bool SplitsSums { get; }

    /// <summary>
    /// Whether groups are multiplied one by one, with factors and flips worked out for four groups at once and weights that are operands of instructions, by
    /// <see cref="MulAddAligned"/>. For sets with 16 registers whose instructions overwrite an operand.
    /// </summary>
    static virtual bool TakesOne
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    /// <summary>The part of the first sums that depends on the inputs. Inputs are zero-padded as by <see cref="KernelSet.QuantizeRows"/>.</summary>
    static abstract int Start(sbyte* x, nint columns);

    /// <summary>First sums of a vector of rows, from <see cref="Start"/> and from the sums of the rows' weights, so that the last sums are exact.</summary>
    /// <param name="start">See <see cref="Start"/>.</param>
    /// <param name="rowSums">The sums of the weights of the vector's rows. Null in products that scale by group: their sets must not need them.</param>
    static abstract A Begin(int start, int* rowSums);

    /// <summary>Weights by 4 inputs, one row a lane.</summary>
    static abstract I LoadWeights(byte* w);

    /// <summary>4 inputs repeated in all lanes.</summary>
    static abstract I LoadInputs(sbyte* x);

    /// <summary>4 groups of 4 inputs for <see cref="Group"/>, if the instruction set loads them at once.</summary>
    static abstract I LoadFour(sbyte* x);

    /// <summary>As <see cref="LoadInputs"/>, one of the groups at x that <see cref="LoadFour"/> has loaded.</summary>
    static abstract I Group(I four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group);

    /// <summary><see cref="MulAdd(A, I, I, I)"/> by one of the groups that <see cref="LoadFour"/> has loaded, of sets with 16 vectors of 4 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual A MulAddGroup(A acc, I w, I four, [ConstantExpected(Max = (byte)3)] byte group) => throw new NotSupportedException("Only sets with 16 vectors multiply four rows at a time.");

    /// <summary>Activations in the form the multiply instruction needs.</summary>
    static abstract I Factor(I x);

    /// <summary>A mask that is combined with the weights before the product, if the instruction set needs one.</summary>
    static abstract I Flip(I x);

    /// <summary>acc + Σ w·x over the 4 inputs of each lane, without the corrections of <see cref="Begin"/>.</summary>
    static abstract A MulAdd(A acc, I w, I factor, I flip);

    /// <summary>The same by weights at a multiple of 16 bytes; only called if <see cref="TakesOne"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual A MulAddAligned(A acc, byte* w, I factor, I flip) => throw new NotSupportedException("Only sets that take groups one by one need aligned weights.");

    /// <summary>The same for two groups of 4 inputs.</summary>
    static abstract A MulAdd(A acc, I w0, I factor0, I flip0, I w1, I factor1, I flip1);

    /// <summary>
    /// The same for two neighbouring vectors of rows, whose weights by the two groups lie <paramref name="at"/> bytes behind
    /// <paramref name="w0"/> and <paramref name="w1"/>. Loads and products of both vectors stand side by side.
    /// </summary>
    static abstract void MulAdd(ref A first, ref A second, int at, byte* w0, I factor0, I flip0, byte* w1, I factor1, I flip1);

    /// <summary>
    /// The same for two rows of inputs: sums of the first row are <paramref name="a0"/> and <paramref name="a1"/>, those of the second <paramref name="b0"/> and
    /// <paramref name="b1"/>. The first group's inputs are <paramref name="factor0"/> and <paramref name="factor2"/>, the second's <paramref name="factor1"/> and
    /// <paramref name="factor3"/>.
    /// </summary>
    static abstract void MulAdd(ref A a0, ref A b0, ref A a1, ref A b1, int at, byte* w0, I factor0, I flip0, I factor2, I flip2, byte* w1, I factor1, I flip1, I factor3, I flip3);

    /// <summary>Joins two sums of the same rows; only called if <see cref="SplitsSums"/>.</summary>
    static abstract A Join(A a, A b);

    /// <summary>The sums of each row.</summary>
    static abstract I Finish(A acc);
}
