using PureHDF;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>The datasets of floats and the text attributes of an HDF5 file, read once.</summary>
internal sealed class HdfFile
{
    /// <summary>Deeper groups, more objects or larger data than any model has, and few enough for a hostile file.</summary>
    private const int MaxDepth = 24;
    private const int MaxObjects = 100_000;
    private const long MaxBytes = 1L << 31;

    /// <summary>Filters may make data smaller than they are, but not by more.</summary>
    private const long MaxRatio = 1100;

    private readonly string _path;
    private readonly long _limit;
    private int _objects;
    private long _bytes;

    private HdfFile(string path)
    {
        _path = path;
        _limit = Math.Min(MaxBytes, Math.Max(new FileInfo(path).Length, 1 << 16) * MaxRatio);
    }

    /// <summary>Datasets by their path without the leading slash.</summary>
    public Dictionary<string, IrTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Text attributes of the root.</summary>
    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    /// <exception cref="ConversionException">The file is missing, damaged, or too large for what it is.</exception>
    public static HdfFile Read(string path)
    {
        if (!File.Exists(path)) throw new ConversionException($"{path}: there is no such file.");
        try
        {
            var file = new HdfFile(path);
            using var stream = new GuardedStream(File.ReadAllBytes(path));
            using var root = H5File.Open(stream, leaveOpen: true);
            foreach (var attribute in root.Attributes())
            {
                if (attribute.Space.Rank == 0 && attribute.Type.Class is H5DataTypeClass.String or H5DataTypeClass.VariableLength) file.Attributes[attribute.Name] = attribute.Read<string?>() ?? "";
            }

            file.Walk(root, "", 0);
            return file;
        }
        catch (Exception fault) when (fault is not (ConversionException or UnauthorizedAccessException))
        {
            throw new ConversionException($"{path}: the HDF5 file is damaged or of a kind that is not read: {fault.Message}", fault);
        }
    }

    private void Walk(IH5Group group, string prefix, int depth)
    {
        if (depth > MaxDepth) throw new ConversionException($"{_path}: groups lie more than {MaxDepth} deep at '{prefix}'.");
        foreach (var child in group.Children())
        {
            if (++_objects > MaxObjects) throw new ConversionException($"{_path}: there are more than {MaxObjects} groups and datasets.");
            var name = prefix + child.Name;
            if (child is IH5Group inner) Walk(inner, name + "/", depth + 1);
            else if (child is IH5Dataset dataset && dataset.Type.Class == H5DataTypeClass.FloatingPoint) Tensors[name] = ReadTensor(dataset, name);
        }
    }

    private IrTensor ReadTensor(IH5Dataset dataset, string name)
    {
        var size = dataset.Type.Size;
        var count = 1UL;
        foreach (var dimension in dataset.Space.Dimensions) count = checked(count * dimension);
        if (count > int.MaxValue || (_bytes += checked((long)count * Math.Max(size, 4))) > _limit) throw new ConversionException($"{_path}: the dataset '{name}' of {count} elements is larger than the file can hold.");
        int[] shape = [.. dataset.Space.Dimensions.Select(d => (int)d)];
        float[] values = size switch
        {
            2 => Array.ConvertAll(dataset.Read<Half[]>(), v => (float)v),
            4 => dataset.Read<float[]>(),
            8 => Array.ConvertAll(dataset.Read<double[]>(), v => (float)v),
            _ => throw new ConversionException($"{_path}: the dataset '{name}' has floats of {size} bytes."),
        };
        if ((ulong)values.Length != count) throw new ConversionException($"{_path}: the dataset '{name}' holds {values.Length} elements, not {count}.");
        return IrTensor.Of<float>(shape, values);
    }
}
