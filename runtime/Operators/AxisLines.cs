using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>The lines of a tensor along one axis.</summary>
internal readonly unsafe struct AxisLines
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AxisLines(Tensor tensor, int axis)
    {
        Size = tensor.Shape[axis];
        nint stride = 1;
        for (var i = axis + 1; i < tensor.Rank; i++) stride *= tensor.Shape[i];
        Stride = stride;
        Count = tensor.Count == 0 ? 0 : tensor.Count / Size;
    }

    /// <summary>The number of elements of a line.</summary>
    public int Size { get; }

    /// <summary>Elements between neighbours of a line.</summary>
    public nint Stride { get; }

    /// <summary>The number of lines.</summary>
    public int Count { get; }

    /// <summary>Index of the first element of a line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public nint Start(nint line) => line / Stride * (Stride * Size) + line % Stride;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Load(float* from, float* line)
    {
        for (nint i = 0; i < Size; i++) line[i] = from[i * Stride];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(float* line, float* to)
    {
        for (nint i = 0; i < Size; i++) to[i * Stride] = line[i];
    }
}
