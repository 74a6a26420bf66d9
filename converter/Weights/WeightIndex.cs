using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Weights;

/// <summary>
/// Reads weights in several files as one: an index such as <c>model.safetensors.index.json</c> or <c>pytorch_model.bin.index.json</c>, whose
/// <c>weight_map</c> names the file of each tensor. The files are beside the index.
/// </summary>
internal static class WeightIndex
{
    private const int MostNamed = 6;
    private const int MostFiles = 4096;

    /// <param name="path">The index.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="files">Reads files.</param>
    /// <param name="find">Finds a file beside the index, as <see cref="ModelFolder.Find"/> does.</param>
    /// <param name="read">Reads the tensors of one file.</param>
    /// <exception cref="ConversionException">The index is damaged, or files or tensors are missing; the message names them.</exception>
    public static WeightSet Read(string path, byte[] content, SourceFiles files, Func<string, Func<string, ConversionException>, string> find, Func<string, byte[], WeightSet> read)
    {
        var fileOf = Map(path, content);
        string[] names = [.. fileOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (names.Length > MostFiles) throw new ConversionException($"{path}: its tensors are in {names.Length} files; at most {MostFiles} are read");
        var found = Found(path, names, find);
        // A file may have several names, such as 'one' and './one'.
        var comparer = StringComparer.FromComparison(RealPath.Comparison);
        var realOf = names.Zip(found).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        string[] parts = [.. found.Distinct(comparer)];
        var (most, bytes) = (UnpackLimit.OfAll(parts.Sum(part => new FileInfo(part).Length)), 0L);
        var (tensors, ignored, isInOrder) = (new Dictionary<string, WeightTensor>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal), true);
        foreach (var real in parts)
        {
            var unpacked = files.ReadFound(real);
            if ((bytes += unpacked.Length) > most) throw new ConversionException($"{path}: its files unpack to more than {most >> 20} MiB together, which is over {UnpackLimit.PerByte} times their size; if you trust them, unpack them before you convert them");
            var part = read(real, unpacked);
            isInOrder &= part.IsInOrder;
            ignored.UnionWith(part.Ignored);
            foreach (var tensor in part.Tensors)
            {
                // The index says which file's tensor is meant, if several have one of this name.
                if (fileOf.TryGetValue(tensor.Name, out var owner) && !comparer.Equals(realOf[owner], real)) continue;
                if (!tensors.TryAdd(tensor.Name, tensor)) throw new ConversionException($"{path}: '{tensor.Name}' is in several files, and the index does not say in which; add it to 'weight_map'");
            }
        }

        // The two halves of a weight that weight_norm splits have become one.
        var missing = fileOf.Where(entry => !tensors.ContainsKey(entry.Key) && !tensors.ContainsKey(WeightNorm.WholeOf(entry.Key) ?? entry.Key)).ToList();
        if (missing.Count > 0) throw new ConversionException($"{path}: {string.Join(", ", missing.Take(MostNamed).Select(entry => $"'{entry.Key}' is not in '{entry.Value}'"))}{More(missing.Count)}; download these files and the index again, from the same version of the model");
        return new WeightSet(path, WeightNorm.Join([.. tensors.Values])) { IsInOrder = isInOrder, Ignored = ignored, Parts = parts };
    }

    /// <summary>The file of each tensor.</summary>
    private static Dictionary<string, string> Map(string path, byte[] content)
    {
        using var document = JsonText.Parse(content, path);
        if (!document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object) throw new ConversionException($"{path}: 'weight_map' is not an object; it names the file of each tensor");
        var fileOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject()) fileOf[entry.Name] = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : throw new ConversionException($"{path}: in 'weight_map', '{entry.Name}' has no name of a file");
        return fileOf.Count > 0 ? fileOf : throw new ConversionException($"{path}: 'weight_map' is empty; it names the file of each tensor");
    }

    /// <summary>The real paths of the files. All that are missing are named at once.</summary>
    private static List<string> Found(string path, string[] names, Func<string, Func<string, ConversionException>, string> find)
    {
        var (parts, faults) = (new List<string>(), new List<string>());
        foreach (var name in names)
        {
            var before = faults.Count;
            try
            {
                parts.Add(find(name, Missing));
            }
            catch (ConversionException) when (faults.Count > before)
            {
                // The next file may be missing too.
            }
        }

        return faults.Count == 0 ? parts : throw new ConversionException($"{path}: it names {names.Length} {(names.Length == 1 ? "file" : "files")} with weights: {string.Join("; ", faults.Take(MostNamed))}{More(faults.Count)}.");

        ConversionException Missing(string what)
        {
            faults.Add(what);
            return new ConversionException(what);
        }
    }

    private static string More(int count) => count > MostNamed ? $" and {count - MostNamed} more" : "";
}
