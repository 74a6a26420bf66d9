using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.Graph;

/// <summary>A constant during conversion: row-major, in a type that the runtime supports. fp16 and bfloat16 are converted to float32.</summary>
internal sealed class IrTensor(ElementType type, int[] shape, byte[] data)
{
    private byte[]? _pinned;

    public ElementType Type { get; } = type;

    public int[] Shape { get; } = shape;

    public byte[] Data { get; } = data;

    /// <summary>The first number in the file that is too large for float32 and became infinite. Null if there is none.</summary>
    public double? Beyond { get; init; }

    public int Count => Shape.Aggregate(1, (a, b) => a * b);

    /// <summary>The elements in pinned memory with read slack, which operators need.</summary>
    public unsafe byte* Pointer
    {
        get
        {
            if (_pinned is null)
            {
                var pinned = GC.AllocateArray<byte>(Data.Length + 2 * Kernels.KernelSet.ReadSlack, pinned: true);
                Data.CopyTo(pinned, 0);
                _pinned = pinned;
            }

            fixed (byte* start = _pinned) return start;
        }
    }

    public ReadOnlySpan<float> Floats => MemoryMarshal.Cast<byte, float>(Data);

    public static IrTensor Of<T>(int[] shape, params ReadOnlySpan<T> data)
        where T : unmanaged => new(ElementTypes.Of<T>(), shape, MemoryMarshal.AsBytes(data).ToArray());

    /// <summary>float64 rounded to float32.</summary>
    public static IrTensor OfDoubles(int[] shape, ReadOnlySpan<double> values)
    {
        var floats = new float[values.Length];
        double? beyond = null;
        for (var i = 0; i < floats.Length; i++)
        {
            floats[i] = (float)values[i];
            if (!float.IsFinite(floats[i]) && double.IsFinite(values[i])) beyond ??= values[i];
        }

        return new IrTensor(ElementType.Float32, shape, MemoryMarshal.AsBytes(floats.AsSpan()).ToArray()) { Beyond = beyond };
    }

    public static IrTensor Vector(params ReadOnlySpan<long> values) => Of([values.Length], values);

    /// <summary>The elements of an integer or bool tensor.</summary>
    public long[] Integers() => Type switch
    {
        ElementType.Int64 => MemoryMarshal.Cast<byte, long>(Data).ToArray(),
        ElementType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(Data).ToArray(), v => (long)v),
        ElementType.UInt8 or ElementType.Bool => Array.ConvertAll(Data, v => (long)v),
        ElementType.Int8 => Array.ConvertAll(Data, v => (long)(sbyte)v),
        _ => throw new ConversionException($"integers are needed, but the tensor is {Type.Name()}"),
    };

    /// <summary>The elements of a floating-point tensor as float32.</summary>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float32 => Floats.ToArray(),
        ElementType.Float64 => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(Data).ToArray(), v => (float)v),
        _ => Array.ConvertAll(Integers(), v => (float)v),
    };

    public bool IsZero => !Data.AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>The value that all elements share. Null if they differ.</summary>
    public float? Uniform()
    {
        if (Count == 0 || Type is not (ElementType.Float32 or ElementType.Float64)) return null;
        var values = ToFloats();
        return Array.TrueForAll(values, v => v == values[0]) ? values[0] : null;
    }

    /// <summary>The transpose of a float32 matrix.</summary>
    public IrTensor Transposed()
    {
        var (rows, columns) = (Shape[0], Shape[1]);
        var source = Floats;
        var turned = new float[source.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++) turned[column * rows + row] = source[row * columns + column];
        }

        return Of([columns, rows], turned.AsSpan());
    }

    /// <summary>A float32 tensor with its axes in another order.</summary>
    public IrTensor Permuted(ReadOnlySpan<int> order)
    {
        var rank = order.Length;
        var shape = new int[rank];
        var strides = new int[rank];
        for (var axis = 0; axis < rank; axis++)
        {
            shape[axis] = Shape[order[axis]];
            strides[axis] = Shape[(order[axis] + 1)..].Aggregate(1, (a, b) => a * b);
        }

        var from = Floats;
        var to = new float[from.Length];
        var index = new int[rank];
        var place = 0;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = from[place];
            for (var axis = rank - 1; axis >= 0; axis--)
            {
                place += strides[axis];
                if (++index[axis] < shape[axis]) break;
                place -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return Of<float>(shape, to);
    }

    public IrTensor Reshaped(params int[] shape) => new(Type, shape, Data) { Beyond = Beyond };
}
