namespace SeqRuntime.Converter.IO;

/// <summary>
/// The files that a model may name: regular files in its own folder, in the folder that a link to the model points into, and in folders that
/// the user allows. A downloaded model cannot make the converter read other files of the machine.
/// </summary>
internal sealed class ModelFolder
{
    private readonly string[] _searched;
    private readonly string[] _open;

    /// <param name="models">The model, or several models whose folders are searched.</param>
    /// <param name="permitted">Other folders that may be read.</param>
    public ModelFolder(IReadOnlyCollection<string> models, IEnumerable<string> permitted)
    {
        _searched = [.. models.Select(model => Path.GetDirectoryName(Path.Combine(Environment.CurrentDirectory, model))!).Distinct()];
        _open = [.. _searched.Concat(permitted).Select(RealPath.Of).Concat(models.Select(model => Path.GetDirectoryName(RealPath.Of(model))!)).Distinct()];
    }

    /// <summary>The real path of a file that the model names, relative to its folder.</summary>
    /// <param name="name">The name in the model.</param>
    /// <param name="fault">Makes the exception from what is wrong with the file, and adds which model names it.</param>
    /// <exception cref="ConversionException">The file is missing, lies in another folder, or is not a regular file.</exception>
    public string Find(string name, Func<string, ConversionException> fault)
    {
        string? elsewhere = null;
        foreach (var folder in name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) ? [] : _searched)
        {
            string real;
            try
            {
                real = RealPath.Of(Path.Combine(folder, name));
            }
            catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
            {
                throw fault($"'{name}' cannot be searched for: {refusal.Message}");
            }

            if (Array.Exists(_open, open => real.Equals(open, RealPath.Comparison))) throw fault($"'{name}' is a directory; give a file");
            if (!Array.Exists(_open, open => RealPath.IsIn(real, open)))
            {
                elsewhere ??= real;
                continue;
            }

            if (Directory.Exists(real)) throw fault($"'{name}' is a directory; give a file");
            if (!File.Exists(real)) continue;
            return new FileInfo(real).Length > 0 ? real : throw fault(SpecialFile.Is(real) ? $"'{name}' is a pipe or a device; put a regular file in its place" : $"'{name}' is an empty file");
        }

        if (elsewhere is null) throw fault($"'{name}' is missing; put the file {(_searched.Length == 1 ? "beside the model" : $"into {string.Join(" or ", _searched.Select(f => $"'{f}'"))}")}");
        var isLink = !name.Contains("..", StringComparison.Ordinal) && !Path.IsPathRooted(name);
        throw fault($"'{name}' {(isLink ? "is a symbolic link to a file" : "lies")} outside the model's folder; put the file itself there, or allow its folder with --allow-folder DIR");
    }
}
