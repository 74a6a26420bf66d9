using System.IO.Compression;
using System.Text;
using PureHDF;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>A Keras model for tests: layers as JSON, and random weights kept for the reference.</summary>
internal sealed class KerasFile(int seed)
{
    private readonly Random _random = new(seed);
    private readonly H5Group _weights = [];
    private readonly List<string> _layers = [];

    /// <summary>The value of keras_version. Null for a file without it.</summary>
    public string? Version { get; init; } = "2.15.0";

    /// <summary>The value of backend.</summary>
    public string Backend { get; init; } = "tensorflow";

    /// <summary>Whether weights have names without the number of an output, as from Theano.</summary>
    public bool IsOfTheano { get; init; }

    /// <summary>Adds a layer of a sequential model.</summary>
    public KerasFile Layer(string kind, string config)
    {
        _layers.Add($$"""{"class_name": "{{kind}}", "config": { {{config}} } }""");
        return this;
    }

    /// <summary>Adds random weights under a Keras path and returns them.</summary>
    public double[] Weight(string path, params int[] shape) => Weight(path, 1, 0, shape);

    public double[] Weight(string path, float width, float middle, params int[] shape)
    {
        double[] values = [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => (double)(middle + width * (2 * _random.NextSingle() - 1)))];
        Put(path, values, shape);
        return values;
    }

    /// <summary>Adds a weight.</summary>
    public void Put(string path, double[] weight, params int[] shape) => PutAs(path, Array.ConvertAll(weight, v => (float)v), shape);

    /// <summary>Adds a weight of another type.</summary>
    public void PutAs<T>(string path, T[] values, params int[] shape)
    {
        var segments = path.Split('/');
        var group = _weights;
        foreach (var segment in segments[..^1])
        {
            if (!group.TryGetValue(segment, out var inner)) group[segment] = inner = new H5Group();
            group = (H5Group)inner;
        }

        group[segments[^1] + (path.Contains("vars/", StringComparison.Ordinal) || IsOfTheano ? "" : ":0")] = shape.Length == 0 ? new H5Dataset(values[0]!) : new H5Dataset(values, fileDims: [.. shape.Select(s => (ulong)s)]);
    }

    public SeqModel Load(ConversionOptions? options = null) => SeqModel.Load(Convert(options).File);

    public SeqModel Load(string config, ConversionOptions? options = null) => SeqModel.Load(Convert(config, options).File);

    /// <summary>Converts the added layers.</summary>
    public ConversionResult Convert(ConversionOptions? options = null) => Convert(Sequential, options);

    /// <summary>The added layers as a model's config.</summary>
    public string Sequential => $$"""{"class_name": "Sequential", "config": {"name": "sequential", "layers": [{{string.Join(", ", _layers)}}] } }""";

    public ConversionResult Convert(string config, ConversionOptions? options = null)
    {
        using var folder = new TemporaryFolder();
        var path = folder["model.h5"];
        Write(path, config);
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options ?? new ConversionOptions());
    }

    /// <summary>Writes the weights alone, as save_weights does.</summary>
    public void WriteWeights(string path) => AtRoot().Write(path);

    /// <summary>Writes a <c>.keras</c> archive.</summary>
    public void WriteArchive(string path, string config)
    {
        using var weights = new MemoryStream();
        AtRoot().Write(weights);
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, content) in new[] { ("metadata.json", Encoding.UTF8.GetBytes($$"""{"keras_version": "{{Version}}", "date_saved": "2026-01-01@00:00:00"}""")), ("config.json", Encoding.UTF8.GetBytes(config)), ("model.weights.h5", weights.ToArray()) })
        {
            using var entry = zip.CreateEntry(name).Open();
            entry.Write(content);
        }
    }

    /// <summary>Converts a <c>.keras</c> archive.</summary>
    public ConversionResult ConvertArchive(string config)
    {
        using var folder = new TemporaryFolder();
        WriteArchive(folder["model.keras"], config);
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder["model.keras"])], new ConversionOptions());
    }

    private H5File AtRoot()
    {
        var file = new H5File();
        foreach (var (name, value) in _weights) file[name] = value;
        return file;
    }

    public void Write(string path, string config)
    {
        var file = new H5File { ["model_weights"] = _weights, Attributes = { ["model_config"] = config, ["backend"] = Backend } };
        if (Version is not null) file.Attributes["keras_version"] = Version;
        file.Write(path);
    }
}
