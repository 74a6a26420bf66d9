using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Commands;

/// <summary>Writes the outputs of a run as <c>.npz</c>, <c>.npy</c>, or a directory of <c>.npy</c> files.</summary>
internal static class OutputFiles
{
    /// <summary>Refuses a target of an unknown kind.</summary>
    public static void CheckKind(string? target)
    {
        if (target is not null && !IsDirectory(target) && !Is(target, ".npz") && !Is(target, ".npy")) throw new UsageException($"-o {target}: write FILE.npz, FILE.npy, or a directory with '/' at its end");
    }

    /// <summary>Refuses a target that cannot be written, before any work starts.</summary>
    /// <param name="target">Where outputs go.</param>
    /// <param name="graph">The graph whose outputs are written.</param>
    /// <param name="sources">The files that are read; they must not be overwritten.</param>
    public static void Check(string? target, SeqGraphInfo graph, IReadOnlyCollection<string> sources)
    {
        if (target is null) return;
        if (IsDirectory(target))
        {
            if (File.Exists(Path.TrimEndingDirectorySeparator(target))) throw new UsageException($"-o {target}: this is a file; give a directory");
            if (graph.Outputs.DistinctBy(o => FileName(o.Name)).Count() < graph.Outputs.Count)
                throw new ConversionException($"{target}: two outputs would become one file; write FILE.npz, which keeps their names");
            foreach (var output in Directory.Exists(target) ? graph.Outputs : []) AtomicFile.Check(Path.Combine(target, FileName(output.Name)), sources);
            return;
        }

        if (Is(target, ".npy") && graph.Outputs.Count != 1) throw new UsageException($"-o {target}: the graph has {Text.Count(graph.Outputs.Count, "output")}; write FILE.npz or a directory with '/' at its end");
        AtomicFile.Check(target, sources);
    }

    public static void Write(string target, IReadOnlyList<KeyValuePair<string, NpyArray>> outputs)
    {
        if (IsDirectory(target))
        {
            Directory.CreateDirectory(target);
            AtomicFile.Write([.. outputs.Select(o => (Path.Combine(target, FileName(o.Key)), (Action<Stream>)(stream => NpyWriter.Write(stream, o.Value))))]);
        }
        else if (Is(target, ".npz"))
        {
            AtomicFile.Write(target, stream => NpzFile.Write(stream, outputs));
        }
        else
        {
            AtomicFile.Write(target, stream => NpyWriter.Write(stream, outputs[0].Value));
        }
    }

    /// <summary>Makes a file name of an output name, which may contain '/' and ':'.</summary>
    private static string FileName(string name) => string.Create(name.Length, name, (span, text) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '-' or '.' ? text[i] : '_';
    }).TrimStart('.') + ".npy";

    private static bool IsDirectory(string target) => Path.EndsInDirectorySeparator(target) || Directory.Exists(target);

    private static bool Is(string target, string extension) => Path.GetExtension(target).Equals(extension, StringComparison.OrdinalIgnoreCase);
}
