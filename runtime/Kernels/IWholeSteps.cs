namespace SeqRuntime.Kernels;

/// <summary>Whole steps of recurrent layers in fp32, so that a kernel set needs to know none of the types they are made of.</summary>
internal interface IWholeSteps
{
    /// <summary>See <see cref="KernelSet.LstmStep"/>; only units from <paramref name="first"/>, a multiple of 16, to before <paramref name="end"/>.</summary>
    static abstract void Lstm(in RecurrentStep step, nint first, nint end);

    /// <summary>See <see cref="KernelSet.GruStep"/>; units as in <see cref="Lstm"/>.</summary>
    static abstract void Gru(in RecurrentStep step, nint first, nint end);
}
