namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Reads the tables of a file. The numbers of fields are the order of TensorFlow Lite's schema (version 3).</summary>
internal sealed class TfliteFile
{
    private const int Version = 3;

    /// <summary>Sizes that a tensor can have.</summary>
    private const int MostRank = Format.Shape.MaxRank;

    private readonly FlatFile _file;
    private readonly string _path;
    private readonly (string Name, bool IsCustom)[] _codes;
    private readonly ReadOnlyMemory<byte>[] _buffers;

    private TfliteFile(FlatFile file, FlatTable model, string path)
    {
        (_file, _path) = (file, path);
        _codes = Array.ConvertAll(model.Tables(1), Code);
        _buffers = Array.ConvertAll(model.Tables(4), Buffer);
    }

    /// <exception cref="ConversionException">The file is damaged, or of another version.</exception>
    public static TfliteModel Read(byte[] content, string path)
    {
        var file = new FlatFile(content, path);
        var model = file.Root;
        if (model.Int(0) is not Version and var version) throw new ConversionException($"{path}: the file has version {version} of TensorFlow Lite's schema; only {Version} can be read. Convert the model again with a newer TensorFlow.");
        var reader = new TfliteFile(file, model, path);
        TfliteSubgraph[] graphs = [.. model.Tables(2).Select((table, index) => reader.Subgraph(table, index))];
        if (graphs.Length == 0) throw file.Fault("it has no subgraphs");
        return new TfliteModel(path, graphs, [.. model.Tables(7).Select(table => reader.Signature(table, graphs))], TfliteMetadata.Notes(model, content, path));
    }

    private static (string Name, bool IsCustom) Code(FlatTable table)
    {
        // Files before the 128th operator have the number in one byte.
        var number = Math.Max(table.Byte(0), table.Int(3));
        if (number == TfliteNames.Custom) return (table.Text(1), true);
        return (TfliteNames.Of(number), false);
    }

    private ReadOnlyMemory<byte> Buffer(FlatTable table)
    {
        if (table.Long(1) is var offset && (ulong)offset <= 1) return table.Bytes(0);
        return _file.Bytes(offset, table.Long(2));
    }

    private TfliteSubgraph Subgraph(FlatTable table, int index)
    {
        var tensors = Array.ConvertAll(table.Tables(0), Tensor);
        int[] Known(int[] numbers, bool isOmitted = false)
        {
            foreach (var number in numbers)
            {
                if ((uint)number >= (uint)tensors.Length && !(isOmitted && number == -1)) throw _file.Fault($"subgraph {index} refers to tensor {number} of {tensors.Length}");
            }

            return numbers;
        }

        var operators = Array.ConvertAll(table.Tables(3), op =>
        {
            var code = op.Int(0);
            if ((uint)code >= (uint)_codes.Length) throw _file.Fault($"an operator of subgraph {index} refers to operator code {code} of {_codes.Length}");
            return new TfliteOperator(_codes[code].Name, _codes[code].IsCustom, Known(op.Ints(1), isOmitted: true), Known(op.Ints(2)), op.Table(4) ?? default, op.Table(12) ?? default, op.Bytes(5));
        });
        return new TfliteSubgraph(index, table.Text(4), tensors, Known(table.Ints(1)), Known(table.Ints(2)), operators);
    }

    private TfliteTensor Tensor(FlatTable table)
    {
        var (shape, name) = (table.Ints(0), table.Text(3));
        if (shape.Length > MostRank) throw new ConversionException($"{_path}: the tensor '{name}' has {shape.Length} dimensions; at most {MostRank} are supported.");
        var buffer = table.Int(2);
        if ((uint)buffer >= (uint)_buffers.Length && buffer != 0) throw _file.Fault($"the tensor '{name}' refers to buffer {buffer} of {_buffers.Length}");
        var signature = table.Ints(7);
        if (signature.Length != shape.Length || Array.TrueForAll(signature, size => size >= 0)) signature = [];
        if (Array.Exists(shape, size => size < 0))
        {
            if (signature.Length == 0) signature = shape;
            shape = Array.ConvertAll(shape, size => Math.Max(size, 1));
        }

        var steps = Steps(table, shape, name, out var isInBlocks);
        return new TfliteTensor(name, (TfliteType)table.Byte(1), shape, signature, buffer == 0 ? default : _buffers[buffer], steps, table.Flag(5), isInBlocks, table.Table(6) is { } sparsity ? Sparsity(sparsity) : null);
    }

    private TfliteSparsity Sparsity(FlatTable table)
    {
        // The indices of a level are a table with numbers in 32, 16 or 8 bits.
        int[] Numbers(FlatTable level, int type) => level.Table(type + 1) is not { } numbers ? [] : level.Byte(type) switch
        {
            1 => numbers.Ints(0),
            2 => numbers.Shorts(0),
            3 => numbers.SmallInts(0),
            var other => throw _file.Fault($"the indices of a sparse tensor are of kind {other}"),
        };
        return new TfliteSparsity(table.Ints(0), table.Ints(1), Array.ConvertAll(table.Tables(2), level => new TfliteLevel(level.Byte(0) != 0, level.Int(1), Numbers(level, 2), Numbers(level, 4))));
    }

    private TfliteSteps? Steps(FlatTable tensor, int[] shape, string name, out bool isInBlocks)
    {
        isInBlocks = false;
        if (tensor.Table(4) is not { } table) return null;
        isInBlocks = table.Byte(4) != 0;
        var (scales, zeros, axis) = (table.Floats(2), table.Longs(3), table.Int(6));
        if (scales.Length == 0) return null;
        // Older converters give a bias the axis of its filter.
        if (shape.Length == 1) axis = 0;
        if (scales.Length > 1 && ((uint)axis >= (uint)shape.Length || shape[axis] != scales.Length)) throw _file.Fault($"the tensor '{name}' of shape [{string.Join(", ", shape)}] has {scales.Length} scales along axis {axis}");
        if (zeros.Length > 1 && zeros.Length != scales.Length) throw _file.Fault($"the tensor '{name}' has {scales.Length} scales and {zeros.Length} zero points");
        if (Array.Exists(scales, scale => !float.IsFinite(scale) || scale < 0)) throw _file.Fault($"a scale of the tensor '{name}' is not a positive number");
        // A scale of zero means that the integers stand for themselves.
        return scales is [0] ? null : new TfliteSteps(scales, zeros, axis);
    }

    private TfliteSignature Signature(FlatTable table, TfliteSubgraph[] graphs)
    {
        var (key, index) = (table.Text(2), table.Int(4));
        if ((uint)index >= (uint)graphs.Length) throw _file.Fault($"the signature '{key}' refers to subgraph {index} of {graphs.Length}");
        (string, int)[] Named(FlatTable[] maps) => Array.ConvertAll(maps, map => (map.Text(0), map.Int(1)));
        return new TfliteSignature(key, index, Named(table.Tables(0)), Named(table.Tables(1)));
    }
}
