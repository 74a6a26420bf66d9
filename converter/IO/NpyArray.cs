using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.IO;

/// <summary>A NumPy array in row-major, little-endian order.</summary>
internal sealed class NpyArray
{
    /// <summary>Wraps bytes. Their number must be the shape's element count times the element size.</summary>
    public NpyArray(StoredType type, int[] shape, byte[] data)
    {
        var count = shape.Aggregate(1L, (product, size) => checked(product * size));
        if (data.Length != checked(count * type.Size()))
            throw new ArgumentException($"An array of {Describe(type, shape)} needs {count * type.Size()} bytes, but {data.Length} are given.", nameof(data));
        Type = type;
        Shape = shape;
        Data = data;
        Count = checked((int)count);
    }

    public StoredType Type { get; }

    public int[] Shape { get; }

    /// <summary>The elements, row-major and little-endian.</summary>
    public byte[] Data { get; }

    public int Count { get; }

    /// <summary>Copies the values to an array of <typeparamref name="T"/>.</summary>
    public static NpyArray From<T>(StoredType type, int[] shape, ReadOnlySpan<T> values)
        where T : unmanaged => new(type, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Copies the values to an fp32 array.</summary>
    public static NpyArray From(int[] shape, ReadOnlySpan<float> values) => From(StoredType.Float32, shape, values);

    /// <summary>The elements as <typeparamref name="T"/>, which must have the element's size.</summary>
    public ReadOnlySpan<T> As<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Data);

    /// <summary>All elements rounded to fp32.</summary>
    public float[] ToFloats()
    {
        var values = new float[Count];
        for (var i = 0; i < values.Length; i++) values[i] = Type == StoredType.Float32 ? As<float>()[i] : (float)Value(i);
        return values;
    }

    /// <summary>Element <paramref name="index"/> as a number. int64 values beyond 2⁵³ are rounded.</summary>
    public double Value(int index) => Type switch
    {
        StoredType.Float32 => As<float>()[index],
        StoredType.Float64 => As<double>()[index],
        StoredType.Float16 => (double)As<Half>()[index],
        StoredType.Int64 => As<long>()[index],
        StoredType.Int32 => As<int>()[index],
        StoredType.Int16 => As<short>()[index],
        StoredType.Int8 => As<sbyte>()[index],
        _ => Data[index],
    };

    /// <summary>
    /// Converts to <paramref name="type"/> if the meaning stays the same: between float types, between integer types if every value fits,
    /// and from integers to bool if all values are 0 or 1. Null otherwise.
    /// </summary>
    public NpyArray? ConvertTo(StoredType type)
    {
        if (type == Type) return this;
        var data = new byte[checked(Count * type.Size())];
        return IsFloat(Type) && IsFloat(type) ? ConvertFloats(type, data)
            : !IsFloat(Type) && !IsFloat(type) ? ConvertIntegers(type, data)
            : null;
    }

    /// <summary>The type and shape for messages, such as float32 [1, 257].</summary>
    public override string ToString() => Describe(Type, Shape);

    private static string Describe(StoredType type, int[] shape) => $"{type.Name()} [{string.Join(", ", shape)}]";

    private static bool IsFloat(StoredType type) => type is StoredType.Float32 or StoredType.Float64 or StoredType.Float16;

    private NpyArray ConvertFloats(StoredType type, byte[] data)
    {
        for (var i = 0; i < Count; i++)
        {
            var value = Value(i);
            if (type == StoredType.Float32) BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i * sizeof(float)), (float)value);
            else if (type == StoredType.Float64) BinaryPrimitives.WriteDoubleLittleEndian(data.AsSpan(i * sizeof(double)), value);
            else BinaryPrimitives.WriteHalfLittleEndian(data.AsSpan(i * 2), (Half)value);
        }

        return new NpyArray(type, Shape, data);
    }

    private NpyArray? ConvertIntegers(StoredType type, byte[] data)
    {
        var (least, most) = type switch
        {
            StoredType.Int64 => (long.MinValue, long.MaxValue),
            StoredType.Int32 => (int.MinValue, int.MaxValue),
            StoredType.Int16 => (short.MinValue, short.MaxValue),
            StoredType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            StoredType.UInt8 => (byte.MinValue, byte.MaxValue),
            _ => (0L, 1L),
        };
        var size = type.Size();
        for (var i = 0; i < Count; i++)
        {
            var value = Type == StoredType.Int64 ? As<long>()[i] : (long)Value(i);
            if (value < least || value > most) return null;
            MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))[..size].CopyTo(data.AsSpan(i * size));
        }

        return new NpyArray(type, Shape, data);
    }
}
