namespace SeqRuntime.Kernels.Products;

/// <summary>Whole steps of recurrent layers in fp32, so that a kernel set needs to know none of the types they are made of.</summary>
internal interface IWholeSteps
{
    /// <summary>See <see cref="KernelSet.WholeStep"/>; only units from <paramref name="first"/>, the first of a block, to before <paramref name="end"/>.</summary>
    static abstract void Run(in RecurrentStep step, nint first, nint end);
}
