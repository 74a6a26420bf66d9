namespace SeqRuntime.Kernels.Products;

/// <summary>Whole steps of recurrent layers in fp32 as one type, so that a kernel set has no type arguments for their parts.</summary>
internal interface IWholeSteps
{
    /// <summary>See <see cref="KernelSet.WholeStep"/>. It computes only the units from <paramref name="first"/>, the first of a block, up to but not including <paramref name="end"/>.</summary>
    static abstract void Run(in RecurrentStep step, nint first, nint end);
}
