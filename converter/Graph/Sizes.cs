namespace SeqRuntime.Converter.Graph;

/// <summary>A size for each symbolic dimension of a graph.</summary>
internal sealed class Sizes
{
    private readonly IReadOnlyList<string> _symbols;
    private readonly int[] _values;

    /// <param name="symbols">Names of the dimensions.</param>
    /// <param name="value">The size of each dimension, by its position.</param>
    public Sizes(IReadOnlyList<string> symbols, Func<int, int> value)
        : this(symbols, [.. Enumerable.Range(0, symbols.Count).Select(value)])
    {
    }

    private Sizes(IReadOnlyList<string> symbols, int[] values) => (_symbols, _values) = (symbols, values);

    /// <summary>The sizes of a graph without symbolic dimensions.</summary>
    public static Sizes None { get; } = new([], []);

    public IReadOnlyList<string> Symbols => _symbols;

    public long Sum => _values.Sum(v => (long)v);

    public int this[string symbol] => _values[Index(symbol)];

    public Sizes With(string symbol, int size)
    {
        var values = (int[])_values.Clone();
        values[Index(symbol)] = size;
        return new Sizes(_symbols, values);
    }

    public Dictionary<string, int> ToDictionary() => _symbols.Zip(_values).ToDictionary(p => p.First, p => p.Second);

    /// <summary>Text such as T = 6, N = 1.</summary>
    public override string ToString() => string.Join(", ", _symbols.Zip(_values, (symbol, size) => $"{symbol} = {size}"));

    private int Index(string symbol)
    {
        for (var i = 0; i < _symbols.Count; i++)
        {
            if (_symbols[i] == symbol) return i;
        }

        throw new ArgumentException($"There is no dimension '{symbol}'.", nameof(symbol));
    }
}
