using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Puts constants into the model: dense ones once each, weight matrices packed in the format chosen for them.</summary>
internal sealed class WeightStore(SeqModelBuilder model, string graph, WeightChoice choice, List<ConvertedTensor> report)
{
    private readonly HashSet<string> _names = [.. report.Select(t => t.Name)];

    /// <summary>Name of the source constant that a value was made from: what stands behind '~' tells apart values made from one.</summary>
    public static string SourceName(string name) => name.IndexOf('~', StringComparison.Ordinal) is > 0 and var end ? name[..end] : name;

    public int Dense(string name, IrTensor tensor, string? finer = null)
    {
        name = Unique(name);
        report.Add(new ConvertedTensor(name, tensor.Shape, tensor.Type.Name(), tensor.Data.Length, null, Graph: graph, Finer: finer));
        return model.AddDense(name, tensor.Type, tensor.Shape, tensor.Data);
    }

    /// <summary>Packs row-major matrices of one shape; fp32 where they are not a model's weights and must stay exact.</summary>
    public int Packed(string name, int rows, int columns, bool mayQuantize, params float[][] matrices)
    {
        name = Unique(name);
        var (kind, isAsked, finer) = mayQuantize ? choice.Of(name, rows, columns, matrices) : (WeightKind.Float32, false, null);
        var packed = new byte[matrices.Length][];
        double errors = 0, squares = 0;
        for (var i = 0; i < matrices.Length; i++)
        {
            try
            {
                (packed[i], var error, var square) = Pack(kind, matrices[i], rows, columns);
                errors += error;
                squares += square;
            }
            catch (ConversionException fault)
            {
                throw new ConversionException($"'{name}': {fault.Message} Keep it with --keep '{name}'.", fault);
            }
        }

        var format = kind switch
        {
            WeightKind.Float16 => TensorFormat.PackedFloat16,
            WeightKind.Int8 => TensorFormat.PackedInt8,
            WeightKind.Int4 => TensorFormat.PackedInt4,
            _ => TensorFormat.PackedFloat32,
        };
        var index = model.AddPacked(name, format, rows, columns, packed);
        double? relative = kind == WeightKind.Float32 ? null : Math.Sqrt(errors / Math.Max(squares, double.Epsilon));
        report.Add(new ConvertedTensor(name, [rows, columns], kind.Storage(), model.Tensors[index].Data.Length, relative, mayQuantize ? kind : null, isAsked, graph, finer));
        return index;
    }

    private static (byte[] Packed, double ErrorSquares, double WeightSquares) Pack(WeightKind kind, float[] weights, int rows, int columns)
    {
        switch (kind)
        {
            case WeightKind.Int8: return Quantizer.PackInt8(weights, rows, columns);
            case WeightKind.Int4: return Int4Quantizer.Pack(weights, rows, columns);
            case WeightKind.Float32: return (WeightLayout.PackFloat32(weights, rows, columns), 0, 0);
        }

        double errors = 0, squares = 0;
        foreach (var weight in weights)
        {
            var error = weight - (double)(Half)weight;
            errors += error * error;
            squares += (double)weight * weight;
        }

        return (WeightLayout.PackFloat16(weights, rows, columns), errors, squares);
    }

    private string Unique(string name)
    {
        name = SourceName(name);
        var unique = name;
        for (var i = 2; !_names.Add(unique); i++) unique = $"{name}#{i}";
        return unique;
    }
}
