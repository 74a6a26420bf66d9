using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Adds constants to the model. Equal content is stored once for all nodes and graphs. Weight matrices are packed in the format chosen for them.</summary>
/// <param name="model">The model.</param>
/// <param name="choice">How matrices are stored.</param>
/// <param name="shared">The names of all contents. Null for a store that stores nothing and only fills <see cref="Shared"/>.</param>
/// <param name="packs">Whether matrices are packed. Otherwise the model has their formats only, and <see cref="Report"/> their errors.</param>
internal sealed class WeightStore(SeqModelBuilder model, WeightChoice choice, SharedTensors? shared, bool packs)
{
    private readonly Dictionary<(ContentKey Key, WeightKind? Kind), int> _stored = [];
    private readonly Dictionary<ContentKey, string[]> _names = [];
    private readonly HashSet<string> _taken = [];

    /// <summary>The stored tensors, in the file's order.</summary>
    public List<ConvertedTensor> Report { get; } = [];

    /// <summary>The storage of weights that the user did not name.</summary>
    public WeightKind Wanted => choice.Wanted;

    public SharedTensors Shared { get; } = shared ?? new SharedTensors();

    /// <summary>The graph that is being lowered.</summary>
    public string Graph { get; set; } = "";

    /// <summary>Stores a constant unpacked.</summary>
    /// <param name="names">Names of the source constant.</param>
    /// <param name="tensor">The constant.</param>
    /// <param name="finer">Why it is not stored in fewer bits.</param>
    /// <param name="padding">The number of its elements that are padding.</param>
    /// <param name="isTokenTable">Whether it holds a layer's products with all tokens.</param>
    public int Dense(IReadOnlyList<string> names, IrTensor tensor, string? finer = null, int padding = 0, bool isTokenTable = false)
    {
        if (shared is null) Refuse(NonFinite.NotANumber(names[0], tensor));
        var key = tensor.Key;
        if (Known(key, null, names, false) is { } known) return known;
        var all = NamesOf(key);
        Report.Add(new ConvertedTensor(all[0], tensor.Shape, tensor.Type.Name(), tensor.Data.Length, null, Graph: Graph, Finer: finer, Also: all[1..], Padding: (long)padding * tensor.Type.Size(), IsTokenTable: isTokenTable));
        return _stored[(key, null)] = model.AddDense(all[0], tensor.Type, tensor.Shape, tensor.Memory);
    }

    /// <summary>Stores weights that a product reads.</summary>
    public int Packed(WeightMatrix weights) => Packed(weights, isProduct: true);

    /// <summary>
    /// Stores a lookup table. It is packed if that is smaller, or if a product reads the same weights or their transpose. Of the transpose, the
    /// lookup reads columns. Null if the table stays unpacked.
    /// </summary>
    /// <param name="names">Its names in the source.</param>
    /// <param name="table">The table.</param>
    /// <param name="reason">Why it stays in fp32 unless the user names it. Null for most tables.</param>
    /// <param name="isStepped">Whether the source stores it in whole steps.</param>
    public (int Tensor, bool ByColumns)? Table(IReadOnlyList<string> names, IrTensor table, string? reason, bool isStepped)
    {
        var (rows, columns) = (table.Shape[0], table.Shape[1]);
        var weights = WeightMatrix.Of(names, table) with { IsTable = true, Fixed = reason, IsStepped = isStepped };
        var turned = new WeightMatrix(names, columns, rows, 1, () => [table.Transposed().ToFloats()]) { Traits = table.Traits("turned"), IsStepped = isStepped };
        if (shared is null)
        {
            Shared.Add(weights.Key, names, false);
            Shared.Add(turned.Key, names, false);
            return null;
        }

        if (shared.IsProduct(weights.Key)) return (Packed(weights with { IsTable = false, Fixed = null }, isProduct: false), false);
        if (shared.IsProduct(turned.Key)) return (Packed(turned, isProduct: false), true);
        var all = NamesOf(weights.Key);
        var stored = choice.Of(weights, all);
        if (stored.Kind != WeightKind.Float32) return (Packed(weights, isProduct: false), false);
        _names.TryAdd(table.Key, all);
        var index = Dense(names, table, stored.Finer);
        Report[index] = Report[index] with { Weights = stored.Kind, General = stored.General, IsAsked = stored.IsAsked };
        return null;
    }

    private int Packed(WeightMatrix weights, bool isProduct)
    {
        Garbage.Collect(weights.Count * sizeof(float));
        if (shared is null)
        {
            foreach (var matrix in isProduct && !float.IsFinite(weights.Largest) ? weights.Matrices : []) Refuse(NonFinite.Fault(weights.Names[0], [.. weights.Shape], matrix));
            return Known(weights.Key, null, weights.Names, isProduct)!.Value;
        }

        var names = NamesOf(weights.Key);
        var stored = choice.Of(weights, names);
        if (_stored.TryGetValue((weights.Key, stored.Kind), out var known)) return known;
        // Contradicting requests make a copy with the name that was requested.
        var isCopy = WeightKinds.All.Any(storage => _stored.ContainsKey((weights.Key, storage.Kind)));
        var name = names[isCopy ? shared.NamesOf(weights.Key).Index().First(n => n.Item == weights.Names[0]).Index : 0];
        var rounded = choice.Rounder.Round(weights, stored.Kind);
        var index = model.AddPacked(name, weights.LayoutAs(stored.Kind), packs ? rounded.Matrices.Length : 0, i =>
        {
            Garbage.Collect(weights.Count * sizeof(float) / weights.Number);
            var packed = rounded.Matrices[i].From(() => weights.Matrices[i]);
            if (stored.Kind == WeightKind.Float32) choice.Rounder.Packed(weights.Count / weights.Number);
            return packed;
        });
        Report.Add(new ConvertedTensor(name, weights.Shape, stored.Kind.Storage().Report, weights.BytesAs(stored.Kind), rounded.Error)
        {
            Weights = weights.IsExact ? null : stored.Kind,
            IsAsked = stored.IsAsked,
            Graph = Graph,
            Finer = stored.Finer,
            Also = isCopy ? [] : names[1..],
            IsCopy = isCopy,
            TurnedOf = TurnedOf(weights),
            Padding = weights.PaddingAs(stored.Kind),
            General = stored.General,
            NoSmaller = stored.NoSmaller,
        });
        return _stored[(weights.Key, stored.Kind)] = index;
    }

    /// <summary>The stored transpose of these weights, if there is one: one product reads the matrix by rows, another by columns.</summary>
    private string? TurnedOf(WeightMatrix weights)
    {
        // To turn a large matrix takes longer than to compare shapes.
        if (!_names.Keys.Any(key => key.IsMatrixOf(weights.Columns, weights.Rows)) || weights.TurnedKey is not { } turned || !_names.TryGetValue(turned, out var names)) return null;
        return Report.Find(t => t.Name == names[0])?.Name;
    }

    /// <summary>Refuses weights that became invalid only when constants were folded, after the importer's check.</summary>
    private static void Refuse(string? fault)
    {
        if (fault is not null) throw new ConversionException($"computed from its constants: {fault}.");
    }

    /// <summary>The stored tensor of this content. Null if there is none yet. A store that stores nothing returns an empty place.</summary>
    private int? Known(ContentKey key, WeightKind? kind, IReadOnlyList<string> names, bool isProduct)
    {
        if (shared is null) Shared.Add(key, names, isProduct);
        if (_stored.TryGetValue((key, kind), out var index)) return index;
        return shared is null ? _stored[(key, kind)] = model.AddDense(names[0], ElementType.Float32, [0], []) : null;
    }

    /// <summary>The content's names. A name that other content already has gets a number.</summary>
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
}
