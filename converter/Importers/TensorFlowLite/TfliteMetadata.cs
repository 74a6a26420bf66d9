using System.Globalization;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// What a file says besides its model: named buffers, among them the description that TensorFlow Lite's libraries for tasks read, and files that are
/// attached as a zip archive. None of it changes what the model computes, so it is only told.
/// </summary>
internal static class TfliteMetadata
{
    private const string Described = "TFLITE_METADATA";
    private const int MostNamed = 5;

    /// <summary>The end of a zip archive has at most this many bytes.</summary>
    private const int ZipEnd = 22 + ushort.MaxValue;

    private static ReadOnlySpan<byte> ZipMark => "PK\x05\x06"u8;

    /// <summary>A named buffer. Empty if there is none.</summary>
    public static ReadOnlyMemory<byte> Buffer(FlatTable root, string name)
    {
        var entry = Array.Find(root.Tables(6), entry => entry.Text(0) == name);
        var (buffers, index) = (root.Tables(4), entry.Int(1));
        return entry.Has(0) && (uint)index < (uint)buffers.Length ? buffers[index].Bytes(0) : default;
    }

    public static IReadOnlyList<string> Notes(FlatTable root, byte[] content, string path)
    {
        try
        {
            return [.. All(root, content, path)];
        }
        catch (ConversionException fault)
        {
            return [$"what the file says besides its model cannot be read, and is left out: {fault.Message}"];
        }
    }

    private static IEnumerable<string> All(FlatTable root, byte[] content, string path)
    {
        var file = Path.GetFileName(path);
        foreach (var note in Preparation(Buffer(root, Described), path)) yield return note;
        if (Attached(content, path) is { Length: > 0 } attached)
            yield return $"{file} has {(attached.Length == 1 ? "a file" : $"{attached.Length} files")} attached, which the conversion leaves out: {string.Join(", ", attached.Take(MostNamed).Select(name => $"'{name}'"))}{(attached.Length > MostNamed ? " …" : "")}. 'unzip {file}' unpacks {(attached.Length == 1 ? "it" : "them")}; a list of labels can be a table of --decoding";
    }

    /// <summary>How the inputs must be prepared: (value - mean) / deviation, which the libraries do outside of the model.</summary>
    private static IEnumerable<string> Preparation(ReadOnlyMemory<byte> described, string path)
    {
        if (described.IsEmpty) yield break;
        const int normalization = 1;
        var inputs = new FlatFile(described.ToArray(), path).Root.Tables(3) is [var subgraph, ..] ? subgraph.Tables(2) : [];
        foreach (var (i, input) in inputs.Index())
        {
            foreach (var unit in input.Tables(4).Where(unit => unit.Byte(0) == normalization))
            {
                if (unit.Table(1) is not { } options || options.Floats(0) is not { Length: > 0 } means || options.Floats(1) is not { Length: > 0 } deviations || (Array.TrueForAll(means, m => m == 0) && Array.TrueForAll(deviations, d => d == 1))) continue;
                yield return $"the file's description says that input {i + 1}{(input.Text(0) is { Length: > 0 } name ? $" ('{TfliteNotes.Clean(name, "")}')" : "")} is (value - {Listed(means)}) / {Listed(deviations)}: programs prepare it, the model does not";
            }
        }
    }

    private static string Listed(float[] values) => values.Length == 1 ? Shown(values[0]) : $"[{string.Join(", ", values.Take(MostNamed).Select(Shown))}{(values.Length > MostNamed ? ", …" : "")}]";

    private static string Shown(float value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The names of the attached files.</summary>
    private static string[] Attached(byte[] content, string path) =>
        content.AsSpan(Math.Max(0, content.Length - ZipEnd)).IndexOf(ZipMark) < 0 ? [] : [.. ZipEntries.Open(content, path, "archive of attached files", "attach the files again, or remove them").Names.Where(name => name.Length > 0 && name[^1] != '/')];
}
