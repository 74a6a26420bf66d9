namespace SeqRuntime.Kernels;

/// <summary>
/// Products of int8 weights (a tile's rows in lanes, 4 consecutive inputs in each lane) by 4 inputs repeated in every lane.
/// </summary>
/// <remarks>All values are in [-127, 127]; sums are exact int32 on every instruction set.</remarks>
/// <typeparam name="A">Lanes of int32, also seen as 4 int8 a lane.</typeparam>
internal unsafe interface IInt8Dot<A>
    where A : unmanaged
{
    /// <summary>What every sum over these inputs (zero padded as <see cref="KernelSet.QuantizeRows"/> does) starts from, as a correction.</summary>
    static abstract int Start(sbyte* x, nint columns);

    /// <summary>Weights by 4 inputs, one row a lane.</summary>
    static abstract A LoadWeights(byte* w);

    /// <summary>4 inputs repeated in all lanes.</summary>
    static abstract A LoadInputs(sbyte* x);

    /// <summary>What of the inputs multiplies the weights.</summary>
    static abstract A Factor(A x);

    /// <summary>What the weights are changed by before, if anything.</summary>
    static abstract A Flip(A x);

    /// <summary>acc + Σ w·x over the 4 inputs of each lane, up to what <see cref="Start"/> and <see cref="Finish"/> correct.</summary>
    static abstract A MulAdd(A acc, A w, A factor, A flip);

    /// <summary>The sums; <paramref name="rowSums"/> are the sums of the rows' weights.</summary>
    static abstract A Finish(A acc, int* rowSums);
}

/// <summary>int8 matrix products as a whole, so that a kernel set needs to know none of the types they are made of.</summary>
internal unsafe interface IInt8Product
{
    /// <summary>See <see cref="KernelSet.GemmInt8"/>.</summary>
    static abstract void Run(byte* w, float* scales, int* sums, Format.WeightLayout layout, sbyte* xq, nint ldxq, float* xscale, int m, float* init, nint ldinit, float* y, nint ldy, int from, int n);
}
