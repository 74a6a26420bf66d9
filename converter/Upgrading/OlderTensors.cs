using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>Reads the list of tensors of a file of 1.x.</summary>
internal static class OlderTensors
{
    /// <summary>The last format that 1.x has.</summary>
    private const TensorFormat Newest = TensorFormat.NarrowInt8;

    /// <summary>The list of 1.2 and 1.3: positions follow from sizes, as today.</summary>
    public static OlderTensor[] ReadCompact(SectionReader reader, long dataLength)
    {
        var tensors = new OlderTensor[reader.Count(5)];
        for (var i = 0; i < tensors.Length; i++)
        {
            var (name, format, type, sizes) = Begin(ref reader);
            tensors[i] = Tensor(ref reader, name, format, type, sizes, format == TensorFormat.Dense ? 1 : reader.Int32(), dataLength);
        }

        reader.End();
        try
        {
            var (offsets, end) = SeqLayout.Place(Array.ConvertAll(tensors, t => t.Stored.Bytes));
            if (SeqLayout.Align(end) + SeqLayout.ReadSlack != dataLength) throw reader.Fault($"the tensors take {end} bytes, but the data section has {dataLength}");
            for (var i = 0; i < tensors.Length; i++) tensors[i] = tensors[i] with { Offset = offsets[i] };
            return tensors;
        }
        catch (OverflowException)
        {
            throw reader.Fault("the tensors are too large");
        }
    }

    /// <summary>The list of 1.0 and 1.1, which holds positions and lengths.</summary>
    public static OlderTensor[] ReadPlain(SectionReader reader, long dataLength)
    {
        const int leastBytes = 27;
        var tensors = new OlderTensor[reader.Count(leastBytes)];
        for (var i = 0; i < tensors.Length; i++)
        {
            var (name, format, type, sizes) = Begin(ref reader);
            var count = reader.Int32();
            var (offset, length) = (reader.Int64(), reader.Int64());
            if (offset < 0 || length < 0 || offset % SeqLayout.Alignment != 0 || offset > dataLength || length > dataLength - offset - SeqLayout.ReadSlack)
                throw reader.Fault($"tensor '{name}' claims {length} bytes at offset {offset}, but the data section has {dataLength}");
            tensors[i] = Tensor(ref reader, name, format, type, sizes, format == TensorFormat.Dense ? 1 : count, dataLength) with { Offset = offset };
            if (length != tensors[i].Stored.Bytes) throw reader.Fault($"tensor '{name}' of shape {tensors[i].Stored.Shape} has {length} bytes instead of {tensors[i].Stored.Bytes}");
        }

        reader.End();
        return tensors;
    }

    private static (string Name, TensorFormat Format, ElementType Type, int[] Sizes) Begin(ref SectionReader reader) => (reader.String(), (TensorFormat)reader.Byte(), reader.Type(), reader.Sizes(symbols: 0));

    private static OlderTensor Tensor(ref SectionReader reader, string name, TensorFormat format, ElementType type, int[] sizes, int count, long dataLength)
    {
        if (format > Newest) throw reader.Fault($"tensor '{name}' has the format {(byte)format}, which files of 1.x do not have");
        try
        {
            var shape = new Shape(sizes);
            var tiles = format == TensorFormat.Dense ? null : Tiles(ref reader, name, format, type, sizes, count);
            var bytes = tiles is null ? checked((long)shape.Count * type.Size()) : checked(count * tiles.Stride);
            if (bytes > dataLength) throw reader.Fault($"tensor '{name}' of shape {shape} takes {bytes} bytes, but the data section has {dataLength}");
            return new OlderTensor(new StoredTensor { Name = name, Format = format, Type = type, Shape = shape, Count = count, Bytes = bytes }, tiles, Offset: 0);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            throw reader.Fault($"tensor '{name}': {fault.Message}");
        }
    }

    private static TileLayout Tiles(ref SectionReader reader, string name, TensorFormat format, ElementType type, int[] sizes, int count)
    {
        var weights = WeightFormats.Of(format);
        if (sizes is not [>= 1, >= 1] || type != ElementType.Float32 || count < 1) throw reader.Fault($"tensor '{name}' is not a list of packed matrices");
        if (sizes[1] > weights.MaxColumns) throw reader.Fault($"tensor '{name}' has {sizes[1]} columns; {weights.Name} allows at most {weights.MaxColumns}");
        return new TileLayout(weights, sizes[0], sizes[1]);
    }
}
