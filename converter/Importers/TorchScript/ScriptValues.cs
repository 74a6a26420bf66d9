namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>A size along an axis: a number, or one that is not known yet. Sizes that must be equal become one.</summary>
internal sealed class ScriptSize(int? size = null)
{
    private ScriptSize? _same;
    private int? _size = size;

    /// <summary>The number. Null if it is not known.</summary>
    public int? Number => Root._size;

    /// <summary>What the size is called if it stays unknown. Null if nothing has said it.</summary>
    public string? Symbol
    {
        get => Root._symbol;
        set => Root._symbol ??= value;
    }

    private string? _symbol;

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

    public int Rank => Sizes.Length;

    public override string ToString() => $"[{string.Join(", ", (object[])Sizes)}]";
}

/// <summary>A comparison whose sizes are not known: equal, or not.</summary>
internal sealed record ScriptComparison(IReadOnlyList<(ScriptSize A, ScriptSize B)> Pairs, bool IsEqual);

/// <summary>A type, device or the like, which nothing depends on.</summary>
internal sealed record ScriptOther(string What);

/// <summary>A function that a name stands for.</summary>
internal sealed record ScriptReference(string Qualified);
