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

    /// <summary>The correction that every sum over these inputs starts from. Inputs are zero-padded as by <see cref="KernelSet.QuantizeRows"/>.</summary>
    static abstract int Start(sbyte* x, nint columns);

    /// <summary>Sums with this initial value.</summary>
    static abstract A Begin(int start);

    /// <summary>Weights by 4 inputs, one row a lane.</summary>
    static abstract I LoadWeights(byte* w);

    /// <summary>4 inputs repeated in all lanes.</summary>
    static abstract I LoadInputs(sbyte* x);

    /// <summary>Activations in the form the multiply instruction needs.</summary>
    static abstract I Factor(I x);

    /// <summary>A mask that is combined with the weights before the product, if the instruction set needs one.</summary>
    static abstract I Flip(I x);

    /// <summary>acc + Σ w·x over the 4 inputs of each lane, without the corrections of <see cref="Start"/> and <see cref="Finish"/>.</summary>
    static abstract A MulAdd(A acc, I w, I factor, I flip);

    /// <summary>The same for two groups of 4 inputs.</summary>
    static abstract A MulAdd(A acc, I w0, I factor0, I flip0, I w1, I factor1, I flip1);

    /// <summary>The corrected sums; <paramref name="rowSums"/> are the sums of the rows' weights.</summary>
    static abstract I Finish(A acc, int* rowSums);
}
