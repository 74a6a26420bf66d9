using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Reads the weights that a description names: one file, or several as <c>{ "encoder": "encoder.pth", "decoder": "decoder.pth" }</c>, whose tensors
/// get the names <c>encoder.…</c> and <c>decoder.…</c>.
/// </summary>
internal static class DescriptionWeights
{
    private const int MostFiles = 64;

    /// <summary>The weights, and the real paths of the files that hold them.</summary>
    /// <param name="path">The description.</param>
    /// <param name="named">What it names.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">A file is missing or damaged, or nothing is named.</exception>
    public static (WeightSet Weights, IReadOnlyList<string> Paths) Read(string path, JsonElement named, SourceFiles files)
    {
        var folder = files.FolderOf(path);
        if (Json.TextOf(named) is { } single)
        {
            var (weights, found) = One(single);
            return (weights, [found, .. weights.Parts]);
        }

        var members = named.ValueKind == JsonValueKind.Object ? named.EnumerateObject().ToList() : [];
        if (members.Count is 0 or > MostFiles) throw new ConversionException($"{path}: 'weights' is {Json.Shown(named)}; give the name of a weight file, or up to {MostFiles} files by the first part of their tensors' names: {{ \"encoder\": \"encoder.pth\", \"decoder\": \"decoder.pth\" }}.");
        var (tensors, paths, names, ignored, isInOrder) = (new List<WeightTensor>(), new List<string>(), new List<string>(), new SortedSet<string>(StringComparer.Ordinal), true);
        foreach (var member in members)
        {
            var (part, found) = One(Json.TextOf(member.Value) ?? throw new ConversionException($"{path}: 'weights.{member.Name}' is {Json.Shown(member.Value)}; give the name of a weight file."));
            if (part.IsKeras) throw new ConversionException($"{path}: 'weights.{member.Name}' is a Keras file, whose layers have names of their own; a description takes one Keras file alone.");
            names.Add(part.File);
            paths.AddRange([found, .. part.Parts]);
            tensors.AddRange(Prefixed(part, member.Name));
            ignored.UnionWith(part.Ignored);
            isInOrder &= part.IsInOrder;
        }

        var all = new WeightSet(string.Join(" and ", names), tensors) { IsInOrder = isInOrder, Ignored = ignored };
        ShortNames.Add(all);
        return (all, paths);

        (WeightSet Weights, string Path) One(string name)
        {
            if (name.Length == 0) throw new ConversionException($"{path}: 'weights' is empty; give the name of a weight file.");
            var found = folder.Find(name, what => new ConversionException($"{path}: the weight file {what}."));
            return (WeightFile.Read(found, files, (part, fault) => folder.Find(Path.Combine(Path.GetDirectoryName(name) ?? "", part), fault)), found);
        }
    }

    /// <summary>The tensors of a file with a first part of their names.</summary>
    public static IEnumerable<WeightTensor> Prefixed(WeightSet weights, string prefix) =>
        weights.Tensors.Select(tensor => new WeightTensor($"{prefix}.{tensor.Name}", () => tensor.Shape, () => tensor.Value) { Stored = tensor.Stored });
}
