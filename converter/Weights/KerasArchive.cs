using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights;

/// <summary>A <c>.keras</c> archive: a zip of the architecture, the version, and the weights as HDF5.</summary>
internal sealed class KerasArchive
{
    private const string HdfWeights = "model.weights.h5";

    private readonly ZipEntries _entries;
    private readonly string _root;

    /// <param name="path">The file's name for messages.</param>
    /// <param name="content">The file.</param>
    /// <exception cref="ConversionException">The archive is damaged, or has no weights.</exception>
    public KerasArchive(string path, byte[] content)
    {
        _entries = ZipEntries.Open(content, path, ".keras archive", "save the model again (model.save)");
        var found = _entries.Names.Where(name => name == HdfWeights || name.EndsWith("/" + HdfWeights, StringComparison.Ordinal)).ToList();
        if (found.Count != 1) throw _entries.Damaged(found.Count == 0 ? $"it has no '{HdfWeights}'" : $"it has several models: {string.Join(", ", found.Take(4).Select(name => $"'{name}'"))}");
        _root = found[0][..^HdfWeights.Length];
    }

    /// <summary>The weights, an HDF5 file.</summary>
    public byte[] Weights => _entries.Read(_root + HdfWeights);

    /// <summary>The architecture, JSON.</summary>
    public byte[] Architecture => Optional("config.json") ?? throw _entries.Damaged("it has no 'config.json'");

    /// <summary>JSON with the version. Null if there is none.</summary>
    public byte[]? Metadata => Optional("metadata.json");

    private byte[]? Optional(string name) => _entries.Names.Contains(_root + name) ? _entries.Read(_root + name) : null;
}
