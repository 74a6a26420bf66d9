using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Puts constants into the model: equal content once, whatever number of nodes and graphs reads it; weight matrices packed in the format chosen for them.</summary>
/// <param name="model">The model.</param>
/// <param name="choice">How matrices are stored.</param>
/// <param name="shared">The names of all content; null for a store that stores nothing and tells <see cref="Shared"/> what there is.</param>
internal sealed class WeightStore(SeqModelBuilder model, WeightChoice choice, SharedTensors? shared)
{
    private readonly Dictionary<(ContentKey Key, WeightKind? Kind), int> _stored = [];
    private readonly Dictionary<ContentKey, string[]> _names = [];
    private readonly HashSet<string> _taken = [];

    /// <summary>What was stored, in the file's order.</summary>
    public List<ConvertedTensor> Report { get; } = [];

    public SharedTensors Shared { get; } = shared ?? new SharedTensors();

    /// <summary>The graph that is lowered now.</summary>
    public string Graph { get; set; } = "";

    /// <summary>Name of the source constant that a value was made from: what stands behind '~' tells apart values made from one.</summary>
    public static string SourceName(string name) => name.IndexOf('~', StringComparison.Ordinal) is > 0 and var end ? name[..end] : name;

    /// <param name="name">Name of the source constant.</param>
    /// <param name="tensor">The constant.</param>
    /// <param name="finer">Why it is not stored in fewer bits.</param>
    /// <param name="padding">How many of its elements are padding.</param>
    /// <param name="isTokenTable">Whether it holds a layer's products with all tokens.</param>
    public int Dense(string name, IrTensor tensor, string? finer = null, int padding = 0, bool isTokenTable = false)
    {
        if (shared is null) Refuse(NonFinite.NotANumber(SourceName(name), tensor));
        var key = ContentKey.Of(tensor);
        if (Known(key, null, SourceName(name), false) is { } known) return known;
        var names = NamesOf(key);
        Report.Add(new ConvertedTensor(names[0], tensor.Shape, tensor.Type.Name(), tensor.Data.Length, null, Graph: Graph, Finer: finer, Also: names[1..], Padding: (long)padding * tensor.Type.Size(), IsTokenTable: isTokenTable));
        return _stored[(key, null)] = model.AddDense(names[0], tensor.Type, tensor.Shape, tensor.Data);
    }

    /// <summary>Packs row-major matrices of one shape; fp32 where they are not a model's weights and must stay exact.</summary>
    public int Packed(string name, int rows, int columns, bool mayQuantize, params float[][] matrices) => Packed(name, rows, rows, columns, mayQuantize, true, matrices);

    /// <summary>The same where only some of the rows are not padding.</summary>
    public int Padded(string name, int rows, int used, int columns, float[] matrix) => Packed(name, rows, used, columns, true, true, matrix);

    /// <summary>
    /// A table that is looked up, packed where it may be stored in fewer bits or a product reads the same weights: those of the table, or
    /// those turned round, whose columns are then looked up. Null where the table stays as it is.
    /// </summary>
    public (int Tensor, bool ByColumns)? Table(string name, IrTensor table, bool pack)
    {
        var (rows, columns) = (table.Shape[0], table.Shape[1]);
        var weights = table.ToFloats();
        if (shared is null)
        {
            Shared.Add(ContentKey.Of(rows, columns, weights), SourceName(name), false);
            Shared.Add(ContentKey.Of(columns, rows, table.Transposed().ToFloats()), SourceName(name), false);
            return null;
        }

        var isProduct = shared.IsProduct(ContentKey.Of(rows, columns, weights));
        var turned = isProduct ? [] : table.Transposed().ToFloats();
        if (!isProduct && shared.IsProduct(ContentKey.Of(columns, rows, turned))) return (Packed(name, columns, columns, rows, true, false, turned), true);
        return isProduct || pack ? (Packed(name, rows, rows, columns, true, false, weights), false) : null;
    }

    private int Packed(string name, int rows, int used, int columns, bool mayQuantize, bool isProduct, params float[][] matrices)
    {
        name = SourceName(name);
        var key = ContentKey.Of(rows, columns, matrices);
        if (shared is null)
        {
            foreach (var matrix in isProduct ? matrices : []) Refuse(NonFinite.Fault(name, [rows, columns], matrix));
            return Known(key, null, name, isProduct)!.Value;
        }

        var names = NamesOf(key);
        name = names[shared.NamesOf(key).Index().First(n => n.Item == name).Index];
        var (kind, isAsked, finer) = mayQuantize ? choice.Of(name, names, rows, columns, matrices) : (WeightKind.Float32, false, null);
        if (_stored.TryGetValue((key, kind), out var known)) return known;
        // Requests that contradict each other make a copy, which has the name that it was asked for by.
        var isCopy = Enum.GetValues<WeightKind>().Any(k => _stored.ContainsKey((key, k)));
        if (!isCopy) name = names[0];
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
        Report.Add(new ConvertedTensor(name, [rows, columns], kind.Storage(), model.Tensors[index].Data.Length, relative, mayQuantize ? kind : null, isAsked, Graph, finer, isCopy ? [] : names[1..], isCopy, model.Tensors[index].Data.Length - (long)matrices.Length * used * new WeightLayout(format, rows, columns).RowBytes));
        return _stored[(key, kind)] = index;
    }

    /// <summary>What an importer let pass, because it became so only when constants were folded.</summary>
    private static void Refuse(string? fault)
    {
        if (fault is not null) throw new ConversionException(fault + ".");
    }

    /// <summary>Where the content is stored already; null where it is not yet. A store that stores nothing has an empty place for all.</summary>
    private int? Known(ContentKey key, WeightKind? kind, string name, bool isProduct)
    {
        if (shared is null) Shared.Add(key, name, isProduct);
        if (_stored.TryGetValue((key, kind), out var index)) return index;
        return shared is null ? _stored[(key, kind)] = model.AddDense(name, ElementType.Float32, [0], []) : null;
    }

    /// <summary>The content's names; one that other content has already gets a number.</summary>
    private string[] NamesOf(ContentKey key)
    {
        if (_names.TryGetValue(key, out var names)) return names;
        return _names[key] = [.. Shared.NamesOf(key).Select(name =>
        {
            var unique = name;
            for (var i = 2; !_taken.Add(unique); i++) unique = $"{name}#{i}";
            return unique;
        })];
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
}
