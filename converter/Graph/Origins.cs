namespace SeqRuntime.Converter.Graph;

/// <summary>The graph inputs that a value follows from: the names that a user knows it by.</summary>
internal static class Origins
{
    /// <param name="value">A value.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="kept">Nodes resolved so far, in order.</param>
    /// <returns>The inputs; none where a state is among what it follows from.</returns>
    public static List<IrPort> Of(string value, IrGraph graph, List<IrNode> kept)
    {
        var needed = new HashSet<string>([value]);
        for (var i = kept.Count - 1; i >= 0; i--)
        {
            if (kept[i].Outputs.Exists(needed.Contains)) needed.UnionWith(kept[i].Inputs);
        }

        return graph.States.Exists(s => needed.Contains(s.Value)) ? [] : graph.Inputs.FindAll(i => needed.Contains(i.Value));
    }

    /// <summary>Whether each is a single number that tells how to run, as a sample rate does.</summary>
    public static bool AreSettings(List<IrPort> inputs) =>
        inputs.Count > 0 && inputs.TrueForAll(i => i.Type is not (ElementType.Float32 or ElementType.Float64) && Array.TrueForAll(i.Shape, d => d.Size == 1));

    /// <summary>Why a value is not known, and what makes it known.</summary>
    public static string Unknown(string value, IrGraph graph, List<IrNode> kept)
    {
        var inputs = Of(value, graph, kept);
        return inputs.Count == 0
            ? $"'{value}', which is not known at conversion; fix the input behind it with --set NAME=VALUE, or a dimension with --dim NAME=SIZE"
            : $"'{value}', which is not known at conversion: it follows from {Names(inputs)}; fix that with {Settings(inputs)}, or a dimension with --dim NAME=SIZE";
    }

    public static string Names(List<IrPort> inputs) => $"input{(inputs.Count == 1 ? "" : "s")} {string.Join(", ", inputs.Select(i => $"'{i.Name}'"))}";

    public static string Settings(List<IrPort> inputs) => string.Join(' ', inputs.Select(i => $"--set {i.Name}=VALUE"));
}
