using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO.Hdf;

namespace SeqRuntime.Converter.Weights;

/// <summary>The numeric datasets and the text attributes of an HDF5 file. Links to other files are not followed.</summary>
internal sealed class HdfFile
{
    /// <summary>Limits of depth and objects above those of any model.</summary>
    private const int MaxDepth = 24;
    private const int MaxObjects = 100_000;
    private const string LayerNames = "layer_names";

    private readonly string _path;
    private readonly HdfBytes _bytes;
    private readonly long _root;
    private int _objects;

    private HdfFile(byte[] bytes, string path)
    {
        if (HdfSuperblock.Find(bytes) is not { } start) throw new ConversionException($"{path}: this is not an HDF5 file.");
        (_path, _bytes) = (path, new HdfBytes(bytes, path));
        _root = HdfSuperblock.Read(_bytes, start);
        var root = new HdfObject(_bytes, _root);
        Attributes = HdfGroup.Texts(_bytes, root);
        Layers = HdfGroup.Texts(_bytes, root, LayerNames);
        Walk(root, "", [_root]);
    }

    /// <summary>The layers in Keras' order. Null if no group tells it.</summary>
    public IReadOnlyList<string>? Layers { get; private set; }

    /// <summary>Datasets by their path without the leading slash.</summary>
    public Dictionary<string, WeightTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Paths of datasets whose element type is not supported.</summary>
    public HashSet<string> Others { get; } = new(StringComparer.Ordinal);

    /// <summary>Text attributes of the root.</summary>
    public Dictionary<string, string> Attributes { get; }

    /// <param name="bytes">The file.</param>
    /// <param name="path">The file's name for messages.</param>
    /// <exception cref="ConversionException">The file is damaged or exceeds a limit.</exception>
    public static HdfFile Read(byte[] bytes, string path) => new(bytes, path);

    private void Walk(HdfObject group, string prefix, long[] around)
    {
        if (around.Length > MaxDepth) throw new ConversionException($"{_path}: groups are nested more than {MaxDepth} levels deep at '{prefix}'.");
        foreach (var link in HdfGroup.Links(_bytes, group))
        {
            if (++_objects > MaxObjects) throw new ConversionException($"{_path}: there are more than {MaxObjects} groups and datasets.");
            // Keras 2.15 and 3 on Windows write folders with backslashes, as in layers\dense/vars/0. Older files name layers, which may have any name.
            var name = prefix + (Layers is null ? link.Name.Replace('\\', '/') : link.Name);
            // A link without a target is ignored.
            if ((link.Path is null ? link.Address : Follow(name, link.Path, around[^1])) is not { } address) continue;
            var child = new HdfObject(_bytes, address);
            if (child.IsDataset) ReadDataset(child, name);
            else if (child.IsGroup && name == "model_weights" && Layers is null) Layers = HdfGroup.Texts(_bytes, child, LayerNames);
            if (child.IsGroup) Walk(child, name + "/", Array.IndexOf(around, address) < 0 ? [.. around, address] : throw new ConversionException($"{_path}: the group '{name}' contains itself."));
        }
    }

    private void ReadDataset(HdfObject of, string name)
    {
        var dataset = new HdfDataset(_bytes, of, name);
        if (Tensors.ContainsKey(name) || Others.Contains(name)) throw new ConversionException($"{_path}: there are two datasets '{name}', one of them with backslashes in its name.");
        if (dataset.Type.Kind == HdfKind.Float) Tensors[name] = new WeightTensor(name, () => dataset.Shape, () => Floats(dataset));
        if (dataset.Type.Kind == HdfKind.Integer) Tensors[name] = new WeightTensor(name, () => dataset.Shape, () => Integers(dataset));
        if (!Tensors.ContainsKey(name)) Others.Add(name);
    }

    private static IrTensor Floats(HdfDataset dataset) =>
        dataset.Type.Bytes == sizeof(double) ? IrTensor.OfDoubles(dataset.Shape, dataset.ReadDoubles()) : IrTensor.Of<float>(dataset.Shape, dataset.ReadFloats());

    /// <summary>The integers in a type that holds them all.</summary>
    private static IrTensor Integers(HdfDataset dataset)
    {
        var values = dataset.ReadIntegers();
        return dataset.Type switch
        {
            { Bytes: 1, IsSigned: true } => IrTensor.Of<sbyte>(dataset.Shape, Array.ConvertAll(values, v => (sbyte)v)),
            { Bytes: 1 } => IrTensor.Of<byte>(dataset.Shape, Array.ConvertAll(values, v => (byte)v)),
            { Bytes: 2 } or { Bytes: 4, IsSigned: true } => IrTensor.Of<int>(dataset.Shape, Array.ConvertAll(values, v => (int)v)),
            _ => IrTensor.Of<long>(dataset.Shape, values),
        };
    }

    /// <summary>The target of a soft link, from its group or from the root. Null if there is none.</summary>
    private long? Follow(string name, string path, long group)
    {
        const int mostLinks = 16;
        var links = 0;
        var waiting = new Stack<string>();
        var at = Start(path, group);
        while (waiting.TryPop(out var part))
        {
            if (part == ".") continue;
            var found = HdfGroup.Links(_bytes, new HdfObject(_bytes, at)).Find(link => link.Name == part);
            if (found.Name is null) return null;
            if (found.Path is null) at = found.Address;
            else if (++links > mostLinks) throw new ConversionException($"{_path}: the link '{name}' to '{path}' leads back to itself.");
            else at = Start(found.Path, at);
        }

        return at;

        long Start(string by, long from)
        {
            foreach (var part in by.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) waiting.Push(part);
            return by.StartsWith('/') ? _root : from;
        }
    }
}
