using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>A file of format 1.x, read and checked.</summary>
/// <param name="File">The name of the source, for messages.</param>
/// <param name="Version">The version of its format, such as 1.3.</param>
/// <param name="Data">The bytes of all tensors.</param>
/// <param name="Metadata">Free metadata.</param>
/// <param name="Tables">Token and label tables by name.</param>
/// <param name="Tensors">Constants, shared by all graphs.</param>
/// <param name="Graphs">Graphs in the file's order.</param>
internal sealed record OlderModel(
    SourceName File,
    string Version,
    ReadOnlyMemory<byte> Data,
    Dictionary<string, string> Metadata,
    Dictionary<string, IReadOnlyList<string>> Tables,
    OlderTensor[] Tensors,
    StoredGraph[] Graphs);

/// <summary>A constant.</summary>
/// <param name="Stored">What its entry in the list says. It has no bytes.</param>
/// <param name="Tiles">The layout of each matrix, if packed.</param>
/// <param name="Offset">The position of its bytes in the data section.</param>
internal sealed record OlderTensor(StoredTensor Stored, TileLayout? Tiles, long Offset);
