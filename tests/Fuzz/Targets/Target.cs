namespace SeqRuntime.Fuzz.Targets;

/// <summary>The result of an input.</summary>
internal enum Outcome
{
    /// <summary>The input was accepted and its content was run.</summary>
    Taken,

    /// <summary>The input was refused with a documented exception.</summary>
    Refused,
}

/// <summary>A reader of untrusted input.</summary>
internal abstract class Target : IDisposable
{
    public abstract string Name { get; }

    /// <summary>An input: a mutated seed.</summary>
    public abstract byte[] Make(Random random);

    /// <summary>Why the last refused input was refused, if known.</summary>
    public string? Why { get; protected set; }

    /// <summary>Gives the input to the reader. An undocumented exception leaves this method.</summary>
    public abstract Outcome Run(byte[] input);

    /// <summary>Valid inputs from which other fuzzers can start.</summary>
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    public virtual void Dispose()
    {
    }

    /// <summary>All targets by name, made on demand.</summary>
    public static IReadOnlyDictionary<string, Func<Target>> All { get; } = new Dictionary<string, Func<Target>>
    {
        ["seq"] = () => new SeqTarget(),
        ["upgrade"] = () => new UpgradeTarget(),
        ["onnx"] = () => new OnnxTarget(),
        ["doctor"] = () => new DoctorTarget(),
        ["h5"] = () => new HdfTarget(),
        ["keras"] = () => new KerasTarget(),
        ["keras-files"] = () => new KerasFilesTarget(),
        ["tflite"] = () => new TfliteTarget(),
        ["npz"] = () => new NpzTarget(),
        ["safetensors"] = () => new SafetensorsTarget(),
        ["torch"] = () => new TorchTarget(),
        ["audio"] = () => new AudioTarget(),
        ["script"] = () => new ScriptTarget(),
        ["scaffold"] = () => new ScaffoldTarget(),
        ["kinds"] = () => new KindTarget(),
        ["json"] = () => new DescriptionTarget(),
        ["decoding"] = () => new DecodingTarget(),
    };

    /// <summary>Files of this target's corpus: seeds that code does not make, and former faults.</summary>
    protected static IEnumerable<byte[]> Corpus(string name, string pattern = "*")
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "corpus", name);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];
    }

    protected static byte[] Pick(Random random, IReadOnlyList<byte[]> from) => from[random.Next(from.Count)];
}
