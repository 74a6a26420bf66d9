using System.Globalization;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.States;

namespace SeqRuntime.Converter.Diagnosing;

/// <summary>What a dimension is taken for, and why.</summary>
/// <param name="Dimension">A symbol, or the number of steps or rows.</param>
/// <param name="Role">Time, batch, cache, fixed or open.</param>
/// <param name="Why">The evidence: a layer that runs along it, its place, its name.</param>
internal sealed record DimensionBelief(string Dimension, string Role, string Why);

/// <summary>
/// Tells which dimension is time and which is the batch. What uses a dimension counts most: a recurrent layer walks along time and computes the rows of
/// a batch apart. Then comes its place: the batch is the first dimension of every input that has it. Names come last.
/// </summary>
internal sealed partial class DimensionBeliefs
{
    public const string Time = "time", Batch = "batch", Cache = "cache", Fixed = "fixed", Open = "open";

    private const int MostNamed = 3;
    private static readonly HashSet<string> s_time = ["t", "time", "times", "timesteps", "steps", "step", "seq", "sequence", "len", "length", "frames", "frame", "samples", "l", "s"];
    private static readonly HashSet<string> s_batch = ["n", "b", "bs", "batch", "batches", "bsz"];

    private readonly IrGraph _graph;
    private readonly IReadOnlyList<SizedView> _views;
    private readonly List<DimensionBelief> _beliefs = [];

    private DimensionBeliefs(IrGraph graph) => (_graph, _views) = (graph, [.. SizedView.Of(graph, 2).Take(2)]);

    /// <param name="graph">A resolved graph with fused nodes.</param>
    /// <param name="read">The graph as it was read. Null if it is not known.</param>
    /// <param name="options">What the user fixed.</param>
    public static IReadOnlyList<DimensionBelief> Of(IrGraph graph, IrGraph? read, ConversionOptions options)
    {
        var beliefs = new DimensionBeliefs(graph);
        beliefs.ByLayers(0, Time, size => $"gets {(size == 1 ? "one step" : $"{size} steps")} in each run", "walks along it");
        beliefs.ByLayers(1, Batch, size => $"gets {(size == 1 ? "one sequence" : $"{size} sequences")}", "computes its rows apart");
        foreach (var symbol in graph.Symbols().Where(beliefs.IsFree)) beliefs._beliefs.Add(beliefs.OfSymbol(symbol));
        foreach (var symbol in read?.Symbols().Where(s => !graph.Symbols().Contains(s) && beliefs.IsFree(s)) ?? []) beliefs.Fix(symbol, options);
        if (!beliefs._beliefs.Exists(b => b.Role == Time)) beliefs._beliefs.Add(new DimensionBelief("none", Time, "no layer walks along time, and no name says so: each run is one step"));
        return [.. beliefs._beliefs.OrderBy(b => Array.IndexOf([Time, Batch, Cache, Open, Fixed], b.Role))];
    }

    private bool IsFree(string symbol) => !_beliefs.Exists(b => b.Dimension == symbol);

    private void ByLayers(int axis, string role, Func<int, string> fixedSize, string open)
    {
        if (_views.Count == 0) return;
        var layers = _graph.Nodes.Where(n => n.Recurrent is not null).Select(n => (n.Name, Dimension: Continuation.Dimension(_graph, _views, n.Input(0), axis)));
        foreach (var group in layers.GroupBy(l => l.Dimension))
        {
            var names = group.Select(l => $"'{l.Name}'").Distinct().ToList();
            var who = names.Count == 1 ? $"recurrent layer {names[0]}" : $"each of the recurrent layers {string.Join(", ", names.Take(MostNamed))}{(names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "")}";
            _beliefs.Add(group.Key switch
            {
                { Symbol: { } symbol } => new DimensionBelief(symbol, role, $"{who} {open}"),
                { Size: var size } => new DimensionBelief(size.ToString(CultureInfo.InvariantCulture), role, $"{who} {fixedSize(size)}"),
                null => new DimensionBelief("follows", role, $"{who} {open}: its size follows from other sizes"),
            });
        }
    }

    private DimensionBelief OfSymbol(string symbol)
    {
        var name = Named(symbol, s_time) ? Time : Named(symbol, s_batch) ? Batch : null;
        if (_graph.Largest.TryGetValue(symbol, out var most)) return new DimensionBelief(symbol, Cache, $"states grow along it to at most {most} steps");
        var inputs = _graph.Inputs.FindAll(i => Array.Exists(i.Shape, d => d.Symbol == symbol));
        var isFirst = inputs.Count > 0 && inputs.TrueForAll(i => i.Shape.Length > 1 && i.Shape[0].Symbol == symbol && i.Shape.Skip(1).All(d => d.Symbol != symbol));
        if (isFirst && name != Time && !_beliefs.Exists(b => b.Role == Batch)) return new DimensionBelief(symbol, Batch, $"the first dimension of {(inputs.Count == 1 ? $"input '{inputs[0].Name}'" : "every input that has it")}{(name == Batch ? ", and its name" : "")}");
        if (name is null) return new DimensionBelief(symbol, Open, "neither a layer, its place nor its name tells what it is; a session chooses its size");
        // A layer's word counts more than a name.
        return _beliefs.Exists(b => b.Role == name) ? new DimensionBelief(symbol, Open, $"its name says {name}, but no recurrent layer runs along it; a session chooses its size") : new DimensionBelief(symbol, name, "its name");
    }

    private void Fix(string symbol, ConversionOptions options) =>
        _beliefs.Add(options.Dimensions.TryGetValue(symbol, out var size)
            ? new DimensionBelief(symbol, Fixed, $"at {size}, by --dim")
            : new DimensionBelief(symbol, Fixed, $"the notes say why; --dim {symbol}=SIZE chooses"));

    private static bool Named(string symbol, HashSet<string> words) => Word().Matches(symbol).Any(word => words.Contains(word.Value.ToLowerInvariant()));

    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")]
    private static partial Regex Word();
}
