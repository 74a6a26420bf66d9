using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>
/// Reads a file of format 1.0 to 1.3. It trusts nothing, as <see cref="SeqReader"/>, whose readers it uses for the sections that are the same today.
/// </summary>
/// <remarks>
/// Before 1.2, the list of tensors and the graphs were in sections of other names, with integers of 4 or 8 bytes. 1.1 added fp16 and int4,
/// 1.2 narrow int8 and the compact sections, 1.3 growing states.
/// </remarks>
internal static class OlderReader
{
    private const string PlainTensors = "TNSR";
    private const string PlainGraphs = "GRPH";

    private static readonly string[] s_known = [SeqLayout.Metadata, SeqLayout.Tables, SeqLayout.Tensors, PlainTensors, SeqLayout.Graphs, PlainGraphs, SeqLayout.Data, SeqLayout.Caches];

    /// <summary>The major version that is read.</summary>
    public const int Major = 1;

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file's name.</param>
    /// <param name="bytes">The whole file.</param>
    /// <exception cref="SeqFormatException">The file is damaged, or of another version.</exception>
    public static OlderModel Read(SourceName file, ReadOnlyMemory<byte> bytes)
    {
        var sections = SeqReader.ReadSectionTable(file, bytes.Span, verifyChecksums: true, Major, s_known);
        var metadata = new Dictionary<string, string>();
        var tables = new Dictionary<string, IReadOnlyList<string>>();
        if (sections.TryGetValue(SeqLayout.Metadata, out var free)) SeqReader.ReadMetadata(Open(free, isCompact: false), metadata);
        if (sections.TryGetValue(SeqLayout.Tables, out var named)) SeqReader.ReadTables(Open(named, isCompact: false), tables);
        var data = SeqReader.Need(file, sections, SeqLayout.Data);
        var tensors = Has(SeqLayout.Tensors, PlainTensors, out var list) ? OlderTensors.ReadCompact(Open(list, isCompact: true), data.Length) : OlderTensors.ReadPlain(Open(list, isCompact: false), data.Length);
        var stored = Array.ConvertAll(tensors, t => t.Stored);
        var graphs = Has(SeqLayout.Graphs, PlainGraphs, out var described) ? GraphReader.Read(Open(described, isCompact: true), stored) : GraphReader.Read(Open(described, isCompact: false), stored, PlainGraph.Read);
        if (sections.TryGetValue(SeqLayout.Caches, out var caches)) GraphReader.ReadCaches(Open(caches, isCompact: true), graphs);
        var version = $"{Major}.{BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[SeqLayout.MinorAt..])}";
        return new OlderModel(file, version, bytes.Slice((int)data.Offset, (int)data.Length), metadata, tables, tensors, graphs);

        SectionReader Open(SectionEntry section, bool isCompact) => new(file, section.Name, bytes.Span.Slice((int)section.Offset, (int)section.Length), isCompact);

        bool Has(string compact, string plain, out SectionEntry section)
        {
            var isCompact = sections.ContainsKey(compact) || !sections.ContainsKey(plain);
            section = SeqReader.Need(file, sections, isCompact ? compact : plain);
            return isCompact;
        }
    }
}
