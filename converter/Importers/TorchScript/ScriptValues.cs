namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>A size along an axis: a number, or one that is not known yet. Sizes that must be equal become one.</summary>
/// <param name="size">The number.</param>
/// <param name="isSigned">Whether it is computed, and may be below 0.</param>
internal sealed class ScriptSize(int? size = null, bool isSigned = false)
{
    private ScriptSize? _same;
    private int? _size = size;
    private bool _isSigned = isSigned;

    /// <summary>The number. Null if it is not known.</summary>
    public int? Number => Root._size;

    /// <summary>What the size is called if it stays unknown. Null if nothing has said it.</summary>
    public string? Symbol
    {
        get => Root._symbol;
        set => Root._symbol ??= value;
    }

    /// <summary>Whether the number is computed, and may be below 0.</summary>
    public bool IsSigned => Root is { _size: null, _isSigned: true };

    private string? _symbol;
    private (int Level, Func<string> Emit)? _source;

    /// <summary>Writes nodes that compute the size, an int64 number of the graph. Null if nothing tells it.</summary>
    public Func<string>? Emit => Root._source?.Emit;

    /// <summary>Tells how the graph computes the size.</summary>
    /// <param name="level">The number of loops around what computes it. What lies further outside is kept.</param>
    /// <param name="emit">Writes the nodes.</param>
    public void Tell(int level, Func<string> emit)
    {
        if (Root is { _size: null } root && (root._source is not { } known || level < known.Level)) root._source = (level, emit);
    }

    private ScriptSize Root
    {
        get
        {
            var root = this;
            while (root._same is { } next) root = next;
            // Long chains are shortened, so that no code makes them slow.
            for (var at = this; at._same is { } next; at = next) at._same = root;
            return root;
        }
    }

    public bool Is(ScriptSize other) => Root == other.Root || (Number is { } number && other.Number == number);

    /// <summary>Makes two sizes equal. False if they cannot be.</summary>
    public bool Join(ScriptSize other)
    {
        var (a, b) = (Root, other.Root);
        if (a == b) return true;
        if (a._size is { } x && b._size is { } y) return x == y;
        if (b._size is null) (a, b) = (b, a);
        a._same = b;
        b._symbol ??= a._symbol;
        b._isSigned &= a._isSigned;
        if (a._source is { } source && (b._source is not { } known || source.Level < known.Level)) b._source = source;
        return true;
    }

    public override string ToString() => Number?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}

/// <summary>A tensor while code is followed: a value of the graph, a weight, or zeros.</summary>
/// <param name="Sizes">Its sizes.</param>
internal sealed record ScriptTensor(ScriptSize[] Sizes)
{
    /// <summary>Its name in the graph. Null for weights and zeros, which are put there when they are used as data.</summary>
    public string? Value { get; init; }

    /// <summary>Its name in the file.</summary>
    public string? Weight { get; init; }

    /// <summary>Whether it is a weight transposed.</summary>
    public bool IsTurned { get; init; }

    /// <summary>The number that all its elements are.</summary>
    public float? Filled { get; init; }

    /// <summary>The buffer that it is, whole.</summary>
    public string? Buffer { get; init; }

    /// <summary>The input that it is, if nothing has computed on it.</summary>
    public string? Input { get; init; }

    /// <summary>The type of its elements.</summary>
    public ElementType Type { get; init; } = ElementType.Float32;

    /// <summary>The lengths whose order its sequences are in, as a packed sequence needs them, and the axis of the sequences. The graph keeps the order of the input.</summary>
    public (string By, int Axis)? Sorted { get; init; }

    public int Rank => Sizes.Length;

    public override string ToString() => $"[{string.Join(", ", (object[])Sizes)}]";
}

/// <summary>A comparison whose sizes are not known: equal, or not.</summary>
internal sealed record ScriptComparison(IReadOnlyList<(ScriptSize A, ScriptSize B)> Pairs, bool IsEqual);

/// <summary>A number, truth or text that depends on what is not known.</summary>
/// <param name="Text">What is known of a text, for messages.</param>
internal sealed record ScriptUnknown(string? Text = null);

/// <summary>The number of a loop's round, and a number added to it.</summary>
/// <param name="Value">The round in the graph.</param>
/// <param name="Offset">What is added.</param>
/// <param name="IsSigned">Whether the value may be below 0.</param>
internal sealed record ScriptIndex(string Value, long Offset, bool IsSigned = false);

/// <summary>A list whose elements lie along an axis of a tensor, so that its length may be unknown.</summary>
internal sealed record ScriptSeries(ScriptTensor Of, int Axis);

/// <summary>A list that a loop appends to, once in each round.</summary>
internal sealed class ScriptSteps
{
    public List<ScriptTensor> Appended { get; } = [];
}

/// <summary>A packed sequence: its data, or the sizes of its batches.</summary>
/// <param name="Padded">The sequences [N, T, features].</param>
/// <param name="Lengths">Their lengths.</param>
/// <param name="IsSizes">Whether it stands for the sizes of the batches.</param>
internal sealed record ScriptPacked(ScriptTensor Padded, ScriptTensor Lengths, bool IsSizes);

/// <summary>The order of sequences by their lengths, or its inverse.</summary>
/// <param name="by">The lengths.</param>
/// <param name="count">The number of sequences.</param>
internal sealed class ScriptOrder(string by, ScriptSize count)
{
    public string By { get; } = by;

    public ScriptSize Count { get; } = count;

    /// <summary>Whether it puts the sequences back. Null before its elements are written.</summary>
    public bool? IsInverse { get; set; } = false;
}

/// <summary>Complex numbers.</summary>
internal sealed record ScriptComplex(ScriptTensor Real, ScriptTensor Imaginary);

/// <summary>A named tuple, or an object of a class that is no module.</summary>
internal sealed class ScriptRecord(IReadOnlyList<string> names, IEnumerable<object?> values) : List<object?>(values)
{
    private readonly List<string> _names = [.. names];

    public IReadOnlyList<string> Names => _names;

    public bool Has(string name) => _names.Contains(name);

    public object? this[string name]
    {
        get => this[_names.IndexOf(name)];
        set
        {
            if (_names.IndexOf(name) is >= 0 and var place)
            {
                this[place] = value;
                return;
            }

            _names.Add(name);
            Add(value);
        }
    }
}

/// <summary>A type, device or the like, which nothing depends on.</summary>
internal sealed record ScriptOther(string What);

/// <summary>A function that a name stands for.</summary>
internal sealed record ScriptReference(string Qualified);
