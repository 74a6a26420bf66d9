namespace SeqRuntime.Converter.IO;

/// <summary>Arrays whose elements lie in another order than row-major.</summary>
internal static class Strided
{
    /// <summary>The elements in row-major order. Every index that shape and strides give must be in the data.</summary>
    /// <param name="data">The data.</param>
    /// <param name="start">Index of the first element.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="strides">For each axis the distance of neighbours, in elements.</param>
    /// <param name="size">Size of one element in bytes.</param>
    public static byte[] ToRowMajor(ReadOnlySpan<byte> data, long start, ReadOnlySpan<int> shape, ReadOnlySpan<long> strides, int size)
    {
        var count = 1;
        foreach (var length in shape) count = checked(count * length);
        if (IsRowMajor(shape, strides)) return data.Slice((int)(start * size), checked(count * size)).ToArray();
        var result = new byte[checked(count * size)];
        Span<int> index = stackalloc int[shape.Length];
        index.Clear();
        var source = start;
        for (var target = 0; target < result.Length; target += size)
        {
            data.Slice((int)(source * size), size).CopyTo(result.AsSpan(target));
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                source += strides[axis];
                if (++index[axis] < shape[axis]) break;
                source -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return result;
    }

    private static bool IsRowMajor(ReadOnlySpan<int> shape, ReadOnlySpan<long> strides)
    {
        var expected = 1L;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (shape[axis] != 1 && strides[axis] != expected) return false;
            expected *= shape[axis];
        }

        return true;
    }

    /// <summary>Reverses the bytes of each element.</summary>
    public static void Reverse(byte[] data, int size)
    {
        for (var i = 0; i < data.Length && size > 1; i += size) data.AsSpan(i, size).Reverse();
    }
}
