using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Commands;

/// <summary>Writes the outputs of a run as <c>.npz</c>, <c>.npy</c>, or a directory of <c>.npy</c> files.</summary>
internal static class OutputFiles
{
    /// <summary>Refuses a target of no known kind, or that cannot be written, before any work is done.</summary>
    public static void Check(string? target)
    {
        if (target is null) return;
        if (IsDirectory(target))
        {
            if (File.Exists(Path.TrimEndingDirectorySeparator(target))) throw new UsageException($"-o {target}: this is a file; give a directory");
            return;
        }

        if (Is(target, ".npz") || Is(target, ".npy")) AtomicFile.Check(target);
        else throw new UsageException($"-o {target}: write FILE.npz, FILE.npy, or a directory with '/' at its end");
    }

    public static void Write(string target, IReadOnlyList<KeyValuePair<string, NpyArray>> outputs)
    {
        if (IsDirectory(target))
        {
            if (outputs.DistinctBy(o => FileName(o.Key)).Count() < outputs.Count)
                throw new ConversionException($"{target}: two outputs would become one file; write FILE.npz, which keeps their names");
            Directory.CreateDirectory(target);
            foreach (var (name, array) in outputs)
                AtomicFile.Write(Path.Combine(target, FileName(name)), stream => NpyWriter.Write(stream, array));
        }
        else if (Is(target, ".npz"))
        {
            AtomicFile.Write(target, stream => NpzFile.Write(stream, outputs));
        }
        else
        {
            if (outputs.Count != 1) throw new UsageException($"-o {target}: the graph has {Text.Count(outputs.Count, "output")}; write FILE.npz or a directory with '/' at its end");
            AtomicFile.Write(target, stream => NpyWriter.Write(stream, outputs[0].Value));
        }
    }

    /// <summary>Output names may hold '/' and ':', file names may not.</summary>
    private static string FileName(string name) => string.Create(name.Length, name, (span, text) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '-' or '.' ? text[i] : '_';
    }).TrimStart('.') + ".npy";

    private static bool IsDirectory(string target) => Path.EndsInDirectorySeparator(target) || Directory.Exists(target);

    private static bool Is(string target, string extension) => Path.GetExtension(target).Equals(extension, StringComparison.OrdinalIgnoreCase);
}
