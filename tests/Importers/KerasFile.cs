using PureHDF;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>A Keras model put together for tests: layers as JSON, weights of random numbers kept for the reference.</summary>
internal sealed class KerasFile(int seed)
{
    private readonly Random _random = new(seed);
    private readonly H5Group _weights = [];
    private readonly List<string> _layers = [];

    /// <summary>What Keras writes as keras_version.</summary>
    public string Version { get; init; } = "2.15.0";

    /// <summary>Adds a layer of a sequential model.</summary>
    public KerasFile Layer(string kind, string config)
    {
        _layers.Add($$"""{"class_name": "{{kind}}", "config": { {{config}} } }""");
        return this;
    }

    /// <summary>Adds random weights under a path as Keras has it, and gives them.</summary>
    public double[] Weight(string path, params int[] shape) => Weight(path, 1, 0, shape);

    public double[] Weight(string path, float width, float middle, params int[] shape)
    {
        float[] values = [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => middle + width * (2 * _random.NextSingle() - 1))];
        var segments = path.Split('/');
        var group = _weights;
        foreach (var segment in segments[..^1])
        {
            if (!group.TryGetValue(segment, out var inner)) group[segment] = inner = new H5Group();
            group = (H5Group)inner;
        }

        group[segments[^1] + ":0"] = shape.Length == 0 ? new H5Dataset(values[0]) : new H5Dataset(values, fileDims: [.. shape.Select(s => (ulong)s)]);
        return Array.ConvertAll(values, v => (double)v);
    }

    public SeqModel Load(ConversionOptions? options = null) => Load($$"""{"class_name": "Sequential", "config": {"name": "sequential", "layers": [{{string.Join(", ", _layers)}}] } }""", options);

    public SeqModel Load(string config, ConversionOptions? options = null)
    {
        using var folder = new Folder();
        var path = folder.File("model.h5");
        Write(path, config);
        return SeqModel.Load(SeqRuntime.Converter.Converter.Convert([("main", path)], options ?? new ConversionOptions()).File);
    }

    public void Write(string path, string config) =>
        new H5File { ["model_weights"] = _weights, Attributes = { ["model_config"] = config, ["keras_version"] = Version, ["backend"] = "tensorflow" } }.Write(path);

    /// <summary>A folder that goes when the test ends.</summary>
    public sealed class Folder : IDisposable
    {
        private readonly string _path = Directory.CreateTempSubdirectory("keras").FullName;

        public string File(string name) => Path.Combine(_path, name);

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
