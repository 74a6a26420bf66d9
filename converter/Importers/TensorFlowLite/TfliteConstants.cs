using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Constants of a file as the converter's tensors. Integers with a scale become the numbers that they stand for.</summary>
internal static class TfliteConstants
{
    /// <summary>The tensor of a constant.</summary>
    /// <param name="tensor">The constant.</param>
    /// <param name="fault">Makes the exception for data that does not fit.</param>
    /// <param name="context">Counts the bytes of sparse constants.</param>
    public static IrTensor Read(TfliteTensor tensor, TfliteContext context, Func<string, ConversionException> fault)
    {
        if (tensor.IsInBlocks) throw fault($"the constant '{tensor.Name}' is scaled in blocks, which is not supported; convert the original model without it");
        if (tensor.Sparsity is { } sparsity)
        {
            if (tensor.Type == TfliteType.Int4 || Width(tensor.Type) == 0) throw fault($"the sparse constant '{tensor.Name}' is {NameOf(tensor.Type)}, which is not supported");
            context.Make(tensor.Count * Math.Max(Width(tensor.Type), sizeof(float)), $"the sparse constant '{tensor.Name}'");
            return Read(tensor with { Sparsity = null, Data = sparsity.Dense(tensor.Shape, Width(tensor.Type), tensor.Data.Span, what => fault($"the sparse constant '{tensor.Name}' is damaged: {what}")) }, context, fault);
        }

        var count = tensor.Count;
        var bytes = tensor.Type == TfliteType.Int4 ? (count + 1) / 2 : count * Width(tensor.Type);
        if (Width(tensor.Type) == 0) throw fault($"the constant '{tensor.Name}' is {NameOf(tensor.Type)}, which is not supported");
        if (bytes != tensor.Data.Length) throw fault($"the constant '{tensor.Name}' of shape [{string.Join(", ", tensor.Shape)}] in {NameOf(tensor.Type)} needs {bytes} bytes, but has {tensor.Data.Length}; the file is damaged");
        var data = tensor.Data.Span;
        if (tensor.Steps is { } steps) return IrTensor.Of<float>(tensor.Shape, Real(tensor, steps, (int)count));
        switch (tensor.Type)
        {
            case TfliteType.Float64:
                return IrTensor.OfDoubles(tensor.Shape, Cast<double>(data));
            case TfliteType.Float16 or TfliteType.BFloat16:
                var floats = new float[count];
                for (var i = 0; i < floats.Length; i++) floats[i] = Half(tensor.Type, BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]));
                return IrTensor.Of<float>(tensor.Shape, floats);
            case TfliteType.Float32 or TfliteType.Int32 or TfliteType.Int64 or TfliteType.Int8 or TfliteType.UInt8:
                return new IrTensor(tensor.Element, tensor.Shape, data.ToArray());
            case TfliteType.Bool:
                return IrTensor.Of<bool>(tensor.Shape, Array.ConvertAll(data.ToArray(), v => v != 0));
        }

        var integers = new long[count];
        for (var i = 0; i < integers.Length; i++) integers[i] = Integer(tensor.Type, data, i);
        return tensor.Element switch
        {
            ElementType.Int32 => IrTensor.Of<int>(tensor.Shape, Array.ConvertAll(integers, v => (int)v)),
            ElementType.Int8 => IrTensor.Of<sbyte>(tensor.Shape, Array.ConvertAll(integers, v => (sbyte)v)),
            _ => IrTensor.Of<long>(tensor.Shape, integers),
        };
    }

    public static string NameOf(TfliteType type) => Enum.IsDefined(type) ? type.ToString().ToLowerInvariant() : $"of type {(int)type}";

    private static float[] Real(TfliteTensor tensor, TfliteSteps steps, int count)
    {
        var inner = 1;
        if (steps.Scales.Length > 1) inner = tensor.Shape[(steps.Axis + 1)..].Aggregate(1, (a, b) => a * b);
        var data = tensor.Data.Span;
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var part = steps.Scales.Length > 1 ? i / inner % steps.Scales.Length : 0;
            values[i] = steps.Scale(part) * (Integer(tensor.Type, data, i) - steps.Zero(part));
        }

        return values;
    }

    private static long Integer(TfliteType type, ReadOnlySpan<byte> data, int i) => type switch
    {
        TfliteType.Int8 => (sbyte)data[i],
        TfliteType.UInt8 or TfliteType.Bool => data[i],
        TfliteType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(data[(2 * i)..]),
        TfliteType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]),
        TfliteType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * i)..]),
        TfliteType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(data[(4 * i)..]),
        // The lower half of a byte comes first.
        TfliteType.Int4 => (sbyte)(data[i / 2] << (i % 2 == 0 ? 4 : 0)) >> 4,
        _ => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * i)..]),
    };

    private static float Half(TfliteType type, ushort bits) => type == TfliteType.Float16 ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static int Width(TfliteType type) => type switch
    {
        TfliteType.Int8 or TfliteType.UInt8 or TfliteType.Bool or TfliteType.Int4 => 1,
        TfliteType.Int16 or TfliteType.UInt16 or TfliteType.Float16 or TfliteType.BFloat16 => 2,
        TfliteType.Float32 or TfliteType.Int32 or TfliteType.UInt32 => 4,
        TfliteType.Int64 or TfliteType.UInt64 or TfliteType.Float64 => 8,
        _ => 0,
    };

    private static ReadOnlySpan<T> Cast<T>(ReadOnlySpan<byte> data)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(data);
}
