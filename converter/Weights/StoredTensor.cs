using System.Runtime.InteropServices;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights;

/// <summary>Tensors of the elements that files hold.</summary>
internal static class StoredTensor
{
    /// <summary>Floats become float32, and int16 becomes int32. Other integers keep their type, so that messages can name it.</summary>
    /// <param name="type">The type in the file.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="data">The elements, row-major and little-endian. The tensor may keep them.</param>
    public static IrTensor Of(StoredType type, int[] shape, ReadOnlyMemory<byte> data) => type switch
    {
        StoredType.Float32 => new IrTensor(ElementType.Float32, shape, data),
        StoredType.Float64 => IrTensor.OfDoubles(shape, MemoryMarshal.Cast<byte, double>(data.Span)),
        StoredType.Float16 => Converted<Half, float>(shape, data, value => (float)value),
        StoredType.BFloat16 => Converted<ushort, float>(shape, data, value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
        StoredType.Int64 => new IrTensor(ElementType.Int64, shape, data),
        StoredType.Int32 => new IrTensor(ElementType.Int32, shape, data),
        StoredType.Int16 => Converted<short, int>(shape, data, value => value),
        StoredType.Int8 => new IrTensor(ElementType.Int8, shape, data),
        StoredType.Bool => new IrTensor(ElementType.Bool, shape, data),
        _ => new IrTensor(ElementType.UInt8, shape, data),
    };

    private static IrTensor Converted<TFrom, TTo>(int[] shape, ReadOnlyMemory<byte> data, Func<TFrom, TTo> convert)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        var values = MemoryMarshal.Cast<byte, TFrom>(data.Span);
        var converted = new TTo[values.Length];
        for (var i = 0; i < converted.Length; i++) converted[i] = convert(values[i]);
        return IrTensor.Of<TTo>(shape, converted);
    }
}
