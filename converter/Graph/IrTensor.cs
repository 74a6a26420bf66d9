using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// A constant during conversion: row-major, in a type that the runtime supports. fp16 and bfloat16 are converted to float32. Large elements may
/// be a part of the source's file in memory, so that they are not there twice.
/// </summary>
internal sealed class IrTensor(ElementType type, int[] shape, ReadOnlyMemory<byte> data)
{
    /// <summary>Smaller parts of a file are copied, so that they do not keep it in memory.</summary>
    private const int LeastShared = 1 << 16;

    private readonly Dictionary<string, WeightTraits> _traits = [];
    private byte[]? _pinned;
    private ContentKey? _key;
    private ReadOnlyMemory<byte> _data = data;

    public ElementType Type { get; } = type;

    public int[] Shape { get; } = shape;

    public ReadOnlySpan<byte> Data => _data.Span;

    /// <summary>The elements, to keep them without a copy.</summary>
    public ReadOnlyMemory<byte> Memory => _data;

    /// <summary>The first number in the file that is too large for float32 and became infinite. Null if there is none.</summary>
    public double? Beyond { get; init; }

    /// <summary>Identifies the content.</summary>
    public ContentKey Key => _key ??= ContentKey.Of(this);

    public int Count => Shape.Aggregate(1, (a, b) => a * b);

    /// <summary>The elements in pinned memory with read slack, which operators need.</summary>
    public unsafe byte* Pointer
    {
        get
        {
            if (_pinned is null)
            {
                var pinned = GC.AllocateArray<byte>(Data.Length + 2 * Kernels.KernelSet.ReadSlack, pinned: true);
                Data.CopyTo(pinned);
                (_pinned, _data) = (pinned, pinned.AsMemory(0, Data.Length));
            }

            fixed (byte* start = _pinned) return start;
        }
    }

    /// <summary>What is known of the elements as weights that are packed in this way.</summary>
    public WeightTraits Traits(string packing) => _traits.TryGetValue(packing, out var traits) ? traits : _traits[packing] = new WeightTraits();

    public ReadOnlySpan<float> Floats => MemoryMarshal.Cast<byte, float>(Data);

    public static IrTensor Of<T>(int[] shape, params ReadOnlySpan<T> data)
        where T : unmanaged => new(ElementTypes.Of<T>(), shape, MemoryMarshal.AsBytes(data).ToArray());

    /// <summary>A tensor whose elements are part of a file in memory. Nobody may change them.</summary>
    public static ReadOnlyMemory<byte> Part(ReadOnlyMemory<byte> file) => file.Length < LeastShared ? file.ToArray() : file;

    /// <summary>Tensors of one type, one after the other. A single one is not copied.</summary>
    public static IrTensor Joined(int[] shape, IReadOnlyList<IrTensor> parts)
    {
        if (parts is [var only]) return only.Reshaped(shape);
        var data = new byte[parts.Sum(part => part.Data.Length)];
        var at = 0;
        foreach (var part in parts)
        {
            part.Data.CopyTo(data.AsSpan(at));
            at += part.Data.Length;
        }

        return new IrTensor(parts[0].Type, shape, data);
    }

    /// <summary>float64 rounded to float32.</summary>
    public static IrTensor OfDoubles(int[] shape, ReadOnlySpan<double> values)
    {
        var data = new byte[checked(values.Length * sizeof(float))];
        var floats = MemoryMarshal.Cast<byte, float>(data.AsSpan());
        double? beyond = null;
        for (var i = 0; i < floats.Length; i++)
        {
            floats[i] = (float)values[i];
            if (!float.IsFinite(floats[i]) && double.IsFinite(values[i])) beyond ??= values[i];
        }

        return new IrTensor(ElementType.Float32, shape, data) { Beyond = beyond };
    }

    public static IrTensor Vector(params ReadOnlySpan<long> values) => Of([values.Length], values);

    /// <summary>The elements of an integer or bool tensor.</summary>
    public long[] Integers() => Type switch
    {
        ElementType.Int64 => MemoryMarshal.Cast<byte, long>(Data).ToArray(),
        ElementType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(Data).ToArray(), v => (long)v),
        ElementType.UInt8 or ElementType.Bool => Array.ConvertAll(Data.ToArray(), v => (long)v),
        ElementType.Int8 => Array.ConvertAll(Data.ToArray(), v => (long)(sbyte)v),
        _ => throw new ConversionException($"integers are needed, but the tensor is {Type.Name()}"),
    };

    /// <summary>The elements of a floating-point tensor as float32.</summary>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float32 => Floats.ToArray(),
        ElementType.Float64 => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(Data).ToArray(), v => (float)v),
        _ => Array.ConvertAll(Integers(), v => (float)v),
    };

    public bool IsZero => !Data.ContainsAnyExcept((byte)0);

    /// <summary>The value that all elements share. Null if they differ.</summary>
    public float? Uniform()
    {
        if (Count == 0 || Type is not (ElementType.Float32 or ElementType.Float64)) return null;
        if (Type == ElementType.Float64) return OfDoubles(Shape, MemoryMarshal.Cast<byte, double>(Data)).Uniform();
        var values = Floats;
        foreach (var value in values)
        {
            if (value != values[0]) return null;
        }

        return values[0];
    }

    /// <summary>The transpose of a float32 matrix.</summary>
    public IrTensor Transposed()
    {
        var (rows, columns) = (Shape[0], Shape[1]);
        var source = Floats;
        var data = new byte[Data.Length];
        var turned = MemoryMarshal.Cast<byte, float>(data.AsSpan());
        // Blocks, because neighbours of one order are far apart in the other.
        const int block = 32;
        for (var top = 0; top < rows; top += block)
        {
            for (var left = 0; left < columns; left += block)
            {
                for (var row = top; row < Math.Min(top + block, rows); row++)
                {
                    for (var column = left; column < Math.Min(left + block, columns); column++) turned[column * rows + row] = source[row * columns + column];
                }
            }
        }

        return new IrTensor(ElementType.Float32, [columns, rows], data);
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
        var data = new byte[Data.Length];
        var to = MemoryMarshal.Cast<byte, float>(data.AsSpan());
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

        return new IrTensor(ElementType.Float32, shape, data);
    }

    /// <summary>The same tensor with a number that was too large for float32.</summary>
    public IrTensor Marked(double? beyond) => beyond is null ? this : new IrTensor(Type, Shape, _data) { Beyond = beyond };

    public IrTensor Reshaped(params int[] shape) => new(Type, shape, _data) { Beyond = Beyond };
}
