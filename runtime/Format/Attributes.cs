namespace SeqRuntime.Format;

/// <summary>A node's stored attributes, from a file or the model builder. Operators read them at load only.</summary>
internal sealed class Attributes
{
    private readonly Dictionary<AttributeKey, object> _values = [];

    /// <summary>The attributes in the order in which they were set.</summary>
    public IEnumerable<KeyValuePair<AttributeKey, object>> Pairs => _values;

    public int Count => _values.Count;

    /// <summary>Sets an attribute: long, float, long[], float[] or string.</summary>
    public Attributes Set(AttributeKey key, object value)
    {
        _values[key] = value switch
        {
            long or float or long[] or float[] or string => value,
            int v => (long)v,
            bool v => v ? 1L : 0L,
            double v => (float)v,
            int[] v => Array.ConvertAll(v, x => (long)x),
            Enum v => Convert.ToInt64(v, System.Globalization.CultureInfo.InvariantCulture),
            _ => throw new ArgumentException($"Attribute {key} cannot hold a {value.GetType().Name}."),
        };
        return this;
    }

    public bool Has(AttributeKey key) => _values.ContainsKey(key);

    public long Int(AttributeKey key, long otherwise) => Get(key, otherwise);

    public int Int32(AttributeKey key, int otherwise)
    {
        var value = Get<long>(key, otherwise);
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new SeqFormatException($"Attribute {key} = {value} is out of range.");
    }

    public bool Bool(AttributeKey key, bool otherwise) => Get(key, otherwise ? 1L : 0L) != 0;

    public float Float(AttributeKey key, float otherwise) => Get(key, otherwise);

    public string String(AttributeKey key, string otherwise) => Get(key, otherwise);

    public long[] Ints(AttributeKey key) => Get<long[]>(key, []);

    public float[] Floats(AttributeKey key) => Get<float[]>(key, []);

    /// <summary>Sizes, strides or pads: integers in [<paramref name="least"/>, 2³¹-1].</summary>
    public int[] Sizes(AttributeKey key, int least) => Array.ConvertAll(
        Ints(key),
        v => v >= least && v <= int.MaxValue ? (int)v : throw new SeqFormatException($"Attribute {key} holds {v}; it must be at least {least}."));

    /// <summary>An enumeration stored as a number.</summary>
    public T Enum<T>(AttributeKey key, T otherwise)
        where T : struct, Enum
    {
        if (!_values.ContainsKey(key)) return otherwise;
        var value = Int32(key, 0);
        foreach (var known in System.Enum.GetValues<T>())
        {
            if (Convert.ToInt32(known, System.Globalization.CultureInfo.InvariantCulture) == value) return known;
        }

        throw new SeqFormatException($"Attribute {key} = {value} is not a {typeof(T).Name}.");
    }

    private T Get<T>(AttributeKey key, T otherwise)
    {
        if (!_values.TryGetValue(key, out var value)) return otherwise;
        return value is T typed ? typed : throw new SeqFormatException($"Attribute {key} is a {value.GetType().Name}; expected {typeof(T).Name}.");
    }
}
