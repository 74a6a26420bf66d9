using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Checks the types of index inputs, and each index during a run.</summary>
internal static class Indices
{
    /// <summary>An int32 or int64 tensor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Tensor Require(Tensor indices) =>
        Operators.Require.AnyDense(indices).Type is ElementType.Int32 or ElementType.Int64 ? indices : throw OperatorError.Type(indices, "int32 or int64");

    /// <summary>Index <paramref name="i"/> of an int32 or int64 tensor, in [-size, size), counted from the start.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int At(Tensor indices, int i, int size)
    {
        var index = indices.Integer(i);
        if (index < -size || index >= size) throw Outside(indices, index, size);
        return (int)(index < 0 ? index + size : index);
    }

    private static Exception Outside(Tensor indices, long index, int size) =>
        OperatorError.Value(size == 0 ? $"'{indices.Name}' holds the index {index} into an empty axis." : $"'{indices.Name}' holds the index {index}; expected {-size} to {size - 1}.");
}
