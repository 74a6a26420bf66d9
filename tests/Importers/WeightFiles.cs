using System.IO.Compression;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.Importers;

/// <summary>A description and its weight file for tests.</summary>
internal sealed class WeightFiles : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<KeyValuePair<string, NpyArray>> _arrays = [];
    private readonly List<KeyValuePair<string, byte[]>> _files = [];
    private readonly Random _random = new(1);

    public void Dispose() => _folder.Dispose();

    public string Path(string name) => _folder[name];

    /// <summary>Adds random weights from -1 to 1 and returns them.</summary>
    public double[] Random(string name, params int[] shape) => Put(name, Numbers.Random(_random, Numbers.Count(shape)), shape);

    public double[] Put(string name, float[] values, params int[] shape)
    {
        _arrays.Add(new(name, NpyArray.From(shape, values)));
        return Array.ConvertAll(values, v => (double)v);
    }

    public void Put(string name, int[] values, params int[] shape) => _arrays.Add(new(name, NpyArray.From<int>(StoredType.Int32, shape, values)));

    public void Put(string name, double[] values, params int[] shape) => _arrays.Add(new(name, NpyArray.From<double>(StoredType.Float64, shape, values)));

    /// <summary>Adds a file to the archive unchanged.</summary>
    public void PutFile(string name, byte[] content) => _files.Add(new(name, content));

    /// <summary>A graph with one input x of the given shape and one output y.</summary>
    public static string Graph(string shape, string layers, string more = "") =>
        $$"""{ "weights": "weights.npz"{{more}}, "graphs": { "main": { "inputs": { "x": { "shape": {{shape}} } }, "layers": [{{layers}}], "outputs": { "y": "y" } } } }""";

    public ConversionResult Convert(string description, ConversionOptions? options = null)
    {
        using (var file = File.Create(Path("weights.npz"))) NpzFile.Write(file, _arrays);
        using (var archive = ZipFile.Open(Path("weights.npz"), ZipArchiveMode.Update))
        {
            foreach (var (name, content) in _files)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        File.WriteAllText(Path("model.json"), description);
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", Path("model.json"))], options ?? new ConversionOptions());
    }

    public SeqModel Load(string description) => SeqModel.Load(Convert(description).File);

    public string Refusal(string description) => Assert.Throws<ConversionException>(() => Convert(description)).Message;

    public IReadOnlyList<string> Notes(string description) => Convert(description).Graphs[0].Notes;
}
