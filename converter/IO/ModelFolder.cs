namespace SeqRuntime.Converter.IO;

/// <summary>
/// The files that a model may name: regular ones in its own folder, in the folder that the model itself is linked from, and in folders
/// that the user permits. A downloaded model cannot make a converter read what else lies on the machine.
/// </summary>
internal sealed class ModelFolder
{
    private readonly string[] _searched;
    private readonly string[] _open;

    /// <param name="models">The model, or several beside which files are looked for.</param>
    /// <param name="permitted">Other folders that may be read.</param>
    public ModelFolder(IReadOnlyCollection<string> models, IEnumerable<string> permitted)
    {
        _searched = [.. models.Select(model => Path.GetDirectoryName(Path.Combine(Environment.CurrentDirectory, model))!).Distinct()];
        _open = [.. _searched.Concat(permitted).Select(RealPath.Of).Concat(models.Select(model => Path.GetDirectoryName(RealPath.Of(model))!)).Distinct()];
    }

    /// <summary>Real path of a file that the model names, relative to its folder.</summary>
    /// <param name="name">As the model has it.</param>
    /// <param name="fault">Makes an exception that says who names the file; it is given what is wrong with it.</param>
    /// <exception cref="ConversionException">It is missing, lies elsewhere, or is no regular file.</exception>
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
                throw fault($"'{name}' cannot be looked for: {refusal.Message}");
            }

            if (Array.Exists(_open, open => real.Equals(open, RealPath.Comparison))) throw fault($"'{name}' is a directory; a file is needed");
            if (!Array.Exists(_open, open => RealPath.IsIn(real, open)))
            {
                elsewhere ??= real;
                continue;
            }

            if (Directory.Exists(real)) throw fault($"'{name}' is a directory; a file is needed");
            if (!File.Exists(real)) continue;
            return new FileInfo(real).Length > 0 ? real : throw fault(SpecialFile.Is(real) ? $"'{name}' is a pipe or a device; put a regular file in its place" : $"'{name}' is an empty file");
        }

        if (elsewhere is null) throw fault($"'{name}' is missing; put the file {(_searched.Length == 1 ? "beside the model" : $"into {string.Join(" or ", _searched.Select(f => $"'{f}'"))}")}");
        var isLink = !name.Contains("..", StringComparison.Ordinal) && !Path.IsPathRooted(name);
        throw fault($"'{name}' {(isLink ? "leads by a symbolic link to a place" : "lies")} outside the model's folder; put the file itself there, or permit its folder with --allow-folder DIR");
    }
}
