namespace SeqRuntime.Converter.Weights;

/// <summary>
/// Names for the numbered variables of Keras 3's weight files where no architecture is known: <c>layers/lstm_1/cell/vars/0</c> is
/// <c>lstm_1/cell/kernel</c>. The folders tell the layers' classes. Variables that could be several weights keep their numbers.
/// </summary>
internal static class KerasNumbers
{
    /// <summary>Paths by the names in the file.</summary>
    public static Dictionary<string, string> Names(HdfFile file)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        var variables = file.Tensors.Keys.Where(name => !KerasPath.IsOfTraining(name)).Select(name => (Name: name, Place: KerasVariables.Split(name))).Where(v => v.Place is not null);
        foreach (var folder in variables.GroupBy(v => v.Place!.Value.Folder, v => (v.Name, v.Place!.Value.Number)))
        {
            var ordered = folder.OrderBy(v => v.Number).ToList();
            if (ordered[^1].Number != ordered.Count - 1 || folder.Key.Split('/') is not [.., var own] groups) continue;
            string[] path = [.. groups.Where(g => g is not ("layers" or "_layer_checkpoint_dependencies" or "cells" or "layer"))];
            var known = own == "layer" ? OfWrapped([.. ordered.Select(v => file.Tensors[v.Name].Shape.Count)]) : KerasVariables.Of(KindOf(own), null, ordered.Count);
            if (path.Length == 0 || known is null || known.Count != ordered.Count) continue;
            foreach (var (name, number) in ordered) names[name] = string.Join('/', [.. path, known[number]]);
        }

        return names;
    }

    /// <summary>The layers of multi-head attention are dense ones.</summary>
    private static string KindOf(string folder) => folder.EndsWith("_dense", StringComparison.Ordinal) ? "einsum_dense" : KerasVariables.Counted(folder).Kind;

    /// <summary>A wrapped layer's class is unknown. A matrix or more and a vector are a kernel and its bias.</summary>
    private static IReadOnlyList<string>? OfWrapped(int[] ranks) => ranks is [>= 2, 1] ? ["kernel", "bias"] : null;
}
