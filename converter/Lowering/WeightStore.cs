using System.IO.Enumeration;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Puts constants into the model: dense ones once each, weight matrices packed in the format that the options ask for.</summary>
internal sealed class WeightStore(SeqModelBuilder model, ConversionOptions options, HashSet<string> kept, List<ConvertedTensor> report)
{
    /// <summary>Matrices with fewer weights stay fp32: nothing is won by quantizing them.</summary>
    public const int SmallestQuantized = 512;

    private readonly HashSet<string> _names = [.. report.Select(t => t.Name)];

    public int Dense(string name, IrTensor tensor)
    {
        name = Unique(name);
        report.Add(new ConvertedTensor(name, tensor.Shape, tensor.Type.Name(), tensor.Data.Length, null));
        return model.AddDense(name, tensor.Type, tensor.Shape, tensor.Data);
    }

    /// <summary>Packs row-major matrices of one shape; quantized unless small, kept, fp32 is asked for, or they are not a model's weights.</summary>
    public int Packed(string name, int rows, int columns, bool mayQuantize, params float[][] matrices)
    {
        name = Unique(name);
        var isInt8 = mayQuantize && options.Weights == WeightKind.Int8 && (long)rows * columns >= SmallestQuantized && !kept.Contains(name) && !options.Keep.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name));
        var format = isInt8 ? TensorFormat.PackedInt8 : TensorFormat.PackedFloat32;
        var packed = new byte[matrices.Length][];
        double errors = 0, squares = 0;
        for (var i = 0; i < matrices.Length; i++)
        {
            if (!isInt8)
            {
                packed[i] = WeightLayout.PackFloat32(matrices[i], rows, columns);
                continue;
            }

            try
            {
                (packed[i], var error, var square) = Quantizer.PackInt8(matrices[i], rows, columns);
                errors += error;
                squares += square;
            }
            catch (ConversionException fault)
            {
                throw new ConversionException($"'{name}': {fault.Message} Keep it with --keep '{name}'.", fault);
            }
        }

        var index = model.AddPacked(name, format, rows, columns, packed);
        report.Add(new ConvertedTensor(name, [rows, columns], isInt8 ? "packed int8" : "packed float32", model.Tensors[index].Data.Length, isInt8 ? Math.Sqrt(errors / Math.Max(squares, double.Epsilon)) : null));
        return index;
    }

    private string Unique(string name)
    {
        // What stands behind '~' tells apart values made from one source constant.
        var end = name.IndexOf('~', StringComparison.Ordinal);
        if (end > 0) name = name[..end];
        var unique = name;
        for (var i = 2; !_names.Add(unique); i++) unique = $"{name}#{i}";
        return unique;
    }
}
