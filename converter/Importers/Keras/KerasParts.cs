using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Finds the weights of an architecture that was saved as JSON: the file that the user names, or the only HDF5 file beside it.</summary>
internal static class KerasParts
{
    private const int MostNamed = 6;

    private static readonly string[] s_endings = [".h5", ".hdf5", ".hdf"];

    /// <param name="path">The architecture.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="weights">The file that the user names. Null if there is none.</param>
    /// <param name="files">Reads files.</param>
    /// <param name="notes">Receives which file was found.</param>
    /// <exception cref="ConversionException">No file or several files may be the weights, or a file is damaged.</exception>
    public static KerasSource Read(string path, byte[] content, string? weights, SourceFiles files, List<string> notes)
    {
        if (weights is not null) return KerasSource.OfParts(path, content, weights, files.ReadNamed(weights));
        var found = Beside(path);
        if (found.Count != 1)
        {
            var which = found.Count == 0 ? "and there is no HDF5 file beside it" : $"and beside it are {string.Join(", ", found.Take(MostNamed).Select(name => $"'{name}'"))}{(found.Count > MostNamed ? " …" : "")}";
            throw new ConversionException($"{path}: this is an architecture that Keras saved without weights, {which}. Name the file with its weights: --weights-file {(found.Count == 0 ? "model.weights.h5" : found[0])}");
        }

        var real = files.FolderOf(path).Find(found[0], what => new ConversionException($"{path}: the weights beside it: {what}"));
        notes.Add($"the weights are from '{found[0]}', the only HDF5 file beside the architecture (choose another with --weights-file)");
        return KerasSource.OfParts(path, content, real, files.ReadFound(real));
    }

    private static List<string> Beside(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        try
        {
            return folder is null ? [] : [.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Where(name => s_endings.Contains(Path.GetExtension(name).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConversionException($"{path}: its folder cannot be searched for weights: {fault.Message}; name them with --weights-file", fault);
        }
    }
}
