using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.Graph;

/// <summary>A constant of the model being converted: row-major, in a type that the runtime knows (fp16 and bfloat16 have become float32).</summary>
internal sealed class IrTensor(ElementType type, int[] shape, byte[] data)
{
    public ElementType Type { get; } = type;

    public int[] Shape { get; } = shape;

    public byte[] Data { get; } = data;

    public int Count => Shape.Aggregate(1, (a, b) => a * b);

    public ReadOnlySpan<float> Floats => MemoryMarshal.Cast<byte, float>(Data);

    public static IrTensor Of<T>(int[] shape, params ReadOnlySpan<T> data)
        where T : unmanaged => new(ElementTypes.Of<T>(), shape, MemoryMarshal.AsBytes(data).ToArray());

    public static IrTensor Vector(params ReadOnlySpan<long> values) => Of([values.Length], values);

    /// <summary>The elements of an integer or bool tensor.</summary>
    public long[] Integers() => Type switch
    {
        ElementType.Int64 => MemoryMarshal.Cast<byte, long>(Data).ToArray(),
        ElementType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(Data).ToArray(), v => (long)v),
        ElementType.UInt8 or ElementType.Bool => Array.ConvertAll(Data, v => (long)v),
        ElementType.Int8 => Array.ConvertAll(Data, v => (long)(sbyte)v),
        _ => throw new ConversionException($"integers are needed, not {Type}"),
    };

    /// <summary>The elements of a floating-point tensor as float32.</summary>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float32 => Floats.ToArray(),
        ElementType.Float64 => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(Data).ToArray(), v => (float)v),
        _ => Array.ConvertAll(Integers(), v => (float)v),
    };

    public IrTensor Reshaped(params int[] shape) => new(Type, shape, Data);
}
