namespace SeqRuntime.Fuzz.Targets;

/// <summary>What became of an input.</summary>
internal enum Outcome
{
    /// <summary>It was taken, and what it holds was run.</summary>
    Taken,

    /// <summary>It was refused with an exception that is documented.</summary>
    Refused,
}

/// <summary>One thing that reads what anybody may have written.</summary>
internal abstract class Target : IDisposable
{
    public abstract string Name { get; }

    /// <summary>An input: a seed, changed.</summary>
    public abstract byte[] Make(Random random);

    /// <summary>Why the last input that was refused was, where that is known.</summary>
    public string? Why { get; protected set; }

    /// <summary>Gives the input to the reader. An exception that is not documented leaves this method.</summary>
    public abstract Outcome Run(byte[] input);

    /// <summary>Inputs that are taken as they are, for other fuzzers to begin with.</summary>
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    public virtual void Dispose()
    {
    }

    /// <summary>All targets by name, made when asked for.</summary>
    public static IReadOnlyDictionary<string, Func<Target>> All { get; } = new Dictionary<string, Func<Target>>
    {
        ["seq"] = () => new SeqTarget(),
        ["onnx"] = () => new OnnxTarget(),
        ["h5"] = () => new HdfTarget(),
        ["keras"] = () => new KerasTarget(),
        ["npz"] = () => new NpzTarget(),
        ["safetensors"] = () => new SafetensorsTarget(),
        ["json"] = () => new DescriptionTarget(),
        ["decoding"] = () => new DecodingTarget(),
    };

    /// <summary>Files of the folder of this target's corpus: seeds that no code makes, and inputs that were faults once.</summary>
    protected static IEnumerable<byte[]> Corpus(string name, string pattern = "*")
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "corpus", name);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];
    }

    protected static byte[] Pick(Random random, IReadOnlyList<byte[]> from) => from[random.Next(from.Count)];
}
