using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Operators' checks of their inputs when shapes are inferred. Accepted inputs cannot be read out of bounds later.</summary>
internal static class Require
{
    /// <summary>A dense tensor of <paramref name="type"/>.</summary>
    public static Tensor Dense(Tensor tensor, ElementType type = ElementType.Float32)
    {
        if (tensor.Format != TensorFormat.Dense) throw OperatorError.Value($"'{tensor.Name}' is a packed weight; expected a dense tensor.");
        return tensor.Type == type ? tensor : throw OperatorError.Type(tensor, type.Name());
    }

    /// <summary>A dense tensor of any type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Tensor AnyDense(Tensor tensor) =>
        tensor.Format == TensorFormat.Dense ? tensor : throw OperatorError.Value($"'{tensor.Name}' is a packed weight; expected a dense tensor.");

    /// <summary>A dense fp32 tensor of exactly <paramref name="sizes"/>. Null if omitted.</summary>
    public static Tensor? Optional(Tensor? tensor, params ReadOnlySpan<int> sizes)
    {
        if (tensor is null) return null;
        Dense(tensor);
        if (!tensor.Shape.AsSpan().SequenceEqual(sizes)) throw OperatorError.Rank(tensor, new Shape(sizes).ToString());
        return tensor;
    }

    /// <summary><paramref name="axis"/> counted from the front.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Axis(int axis, Tensor tensor)
    {
        var rank = tensor.Rank;
        if (axis < -rank || axis >= rank) throw OperatorError.Value($"Axis {axis} does not exist in '{tensor.Name}' of shape {tensor.Shape}.");
        return axis < 0 ? axis + rank : axis;
    }

    /// <summary>A computed size as an int.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Size(long size) => size switch
    {
        < 0 => throw OperatorError.Value($"A dimension would have size {size}."),
        > int.MaxValue => throw new TooLargeException($"A dimension of {size} exceeds the limit of {int.MaxValue}."),
        _ => (int)size,
    };
}
