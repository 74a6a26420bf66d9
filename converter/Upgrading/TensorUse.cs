namespace SeqRuntime.Converter.Upgrading;

/// <summary>How a tensor is read, as far as that changes its bytes. A tensor that is read in several ways becomes several.</summary>
/// <param name="Rows">The layer in whose order of gates its rows are; null if they keep their places and a matrix has the widest panels.</param>
/// <param name="Name">A name that only this use has; null for the tensor's own.</param>
internal readonly record struct TensorUse(LayerRows? Rows, string? Name = null)
{
    public static readonly TensorUse Plain;
}
