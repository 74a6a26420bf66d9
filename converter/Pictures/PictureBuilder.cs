using System.Globalization;
using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Pictures;

/// <summary>
/// Makes the boxes of a graph. Nodes without weights that follow each other become one box. If there are still too many, neighbours are put
/// together: first those that only have each other, then runs of nodes in their order of execution.
/// </summary>
internal sealed class PictureBuilder
{
    /// <summary>Most boxes of nodes in a picture.</summary>
    public const int MostBoxes = 120;

    private const int WidestLine = 34, MostLines = 7;
    private const double LetterWidth = 6.7, LineHeight = 15, Margin = 9;

    private readonly LoadedGraph _graph;
    private readonly int[] _group;
    private readonly Dictionary<int, int> _sources = [];

    private PictureBuilder(LoadedGraph graph)
    {
        _graph = graph;
        _group = [.. Enumerable.Range(0, graph.Nodes.Length)];
        foreach (var (index, node) in graph.Nodes.Index())
        {
            foreach (var output in node.Outputs.Where(o => o >= 0)) _sources[output] = index;
        }
    }

    public static Picture Of(LoadedGraph graph)
    {
        var builder = new PictureBuilder(graph);
        builder.FoldChains();
        builder.Collapse();
        return builder.Build();
    }

    /// <summary>Nodes without weights, one after the other, where the first has no other reader and the second no other source.</summary>
    private void FoldChains() => Contract((from, to, isOnlyReader, isOnlySource) => isOnlyReader && isOnlySource && Members(from).All(IsPlain) && Members(to).All(IsPlain));

    private void Collapse()
    {
        foreach (var most in (int[])[4, 12, 40])
        {
            if (Count() <= MostBoxes) return;
            Contract((from, to, isOnlyReader, isOnlySource) => (isOnlyReader || isOnlySource) && Members(from).Count() + Members(to).Count() <= most);
        }

        if (Count() <= MostBoxes) return;
        // A run of nodes in their order of execution reads only what comes before it, so no circle arises.
        var each = (_group.Length + MostBoxes - 1) / MostBoxes;
        for (var i = 0; i < _group.Length; i++) _group[i] = i / each * each;
    }

    /// <summary>Puts groups together where a rule allows it, until nothing changes. A pair of which one has only the other keeps the graph free of circles.</summary>
    private void Contract(Func<int, int, bool, bool, bool> mayJoin)
    {
        for (var isChanged = true; isChanged;)
        {
            isChanged = false;
            var edges = GroupEdges();
            var (readers, sources) = (edges.ToLookup(e => e.From, e => e.To), edges.ToLookup(e => e.To, e => e.From));
            var touched = new HashSet<int>();
            foreach (var (from, to) in edges)
            {
                if (touched.Contains(from) || touched.Contains(to)) continue;
                if (!mayJoin(from, to, readers[from].Count() == 1 && !IsShown(from), sources[to].Count() == 1)) continue;
                for (var i = 0; i < _group.Length; i++)
                {
                    if (_group[i] == to) _group[i] = from;
                }

                touched.UnionWith(readers[from].Concat(sources[to]).Append(from).Append(to));
                isChanged = true;
            }
        }
    }

    /// <summary>Whether an output or a state of the graph comes from a group.</summary>
    private bool IsShown(int group) => _graph.Outputs.Concat(_graph.States.Select(s => s.Update)).Any(value => _sources.TryGetValue(value, out var node) && _group[node] == group);

    private List<(int From, int To)> GroupEdges() =>
        [.. _graph.Nodes.SelectMany((node, to) => node.Inputs.Where(_sources.ContainsKey).Select(input => (From: _group[_sources[input]], To: _group[to]))).Where(e => e.From != e.To).Distinct()];

    private int Count() => _group.Distinct().Count();

    private IEnumerable<int> Members(int group) => Enumerable.Range(0, _group.Length).Where(i => _group[i] == group);

    private bool IsPlain(int node) => !Weights(_graph.Nodes[node]).Any();

    private static bool IsWeight(Tensor tensor) => tensor.Format != TensorFormat.Dense;

    private IEnumerable<Tensor> Weights(LoadedNode node) => node.Inputs.Where(i => i >= 0).Select(i => _graph.Values[i].Constant).OfType<Tensor>().Where(IsWeight);

    private Picture Build()
    {
        var boxes = new List<Box>();
        var places = new Dictionary<int, int>();
        foreach (var (value, kind) in _graph.Inputs.Select(v => (v, BoxKind.Input)).Concat(_graph.States.Select(s => (s.Value, BoxKind.State))))
        {
            places.TryAdd(value, boxes.Count);
            boxes.Add(Port(kind, kind == BoxKind.State ? _graph.States.First(s => s.Value == value).Name : _graph.Values[value].Name, _graph.Values[value]));
        }

        var edges = new HashSet<Edge>();
        var groups = new Dictionary<int, int>();
        foreach (var group in InOrder())
        {
            groups[group] = boxes.Count;
            var members = Members(group).ToList();
            boxes.Add(members.Count == 1 ? Node(_graph.Nodes[members[0]]) : Several(members));
            foreach (var input in members.SelectMany(m => _graph.Nodes[m].Inputs))
            {
                if (BoxOf(input) is { } from && from != groups[group]) edges.Add(new Edge(from, groups[group]));
            }
        }

        foreach (var output in _graph.Outputs)
        {
            if (BoxOf(output) is { } from) edges.Add(new Edge(from, boxes.Count));
            boxes.Add(Port(BoxKind.Output, _graph.Values[output].Name, null));
        }

        var loops = _graph.States.Select(s => (From: BoxOf(s.Update), To: places[s.Value])).Where(l => l.From is not null && l.From != l.To).Select(l => new Edge(l.From!.Value, l.To)).Distinct();
        return new Picture(_graph.Name, boxes, [.. edges], [.. loops]);

        int? BoxOf(int value) => value < 0 ? null : _sources.TryGetValue(value, out var node) ? groups[_group[node]] : places.TryGetValue(value, out var place) ? place : null;
    }

    /// <summary>The groups, each behind those that it reads.</summary>
    private List<int> InOrder()
    {
        var sources = GroupEdges().ToLookup(e => e.To, e => e.From);
        var ordered = new List<int>();
        var state = new HashSet<int>();
        foreach (var start in _group.Distinct())
        {
            var open = new Stack<(int Group, bool IsDone)>([(start, false)]);
            while (open.TryPop(out var at))
            {
                if (at.IsDone) ordered.Add(at.Group);
                else if (state.Add(at.Group))
                {
                    open.Push((at.Group, true));
                    foreach (var source in sources[at.Group].Where(s => !state.Contains(s))) open.Push((source, false));
                }
            }
        }

        return ordered;
    }

    private Box Port(BoxKind kind, string name, LoadedValue? value)
    {
        var shape = value is null ? null : $"{value.Type.Name()} [{string.Join(", ", value.Sizes.Select(s => s >= 0 ? s.ToString(CultureInfo.InvariantCulture) : _graph.Symbols[-1 - s]))}]";
        return Sized(kind, shape is null ? [name] : [name, shape], $"{kind.ToString().ToLowerInvariant()} {name}");
    }

    private Box Node(LoadedNode node)
    {
        var weights = Weights(node).Select(Described).ToList();
        return Sized(weights.Count > 0 ? BoxKind.Weights : BoxKind.Plain, [Title(node), .. weights], $"{node.Kind} {node.Name}");
    }

    private Box Several(List<int> members)
    {
        var nodes = members.ConvertAll(m => _graph.Nodes[m]);
        var note = string.Join(", ", nodes.Take(40).Select(n => n.Name)) + (nodes.Count > 40 ? " …" : "");
        if (nodes.TrueForAll(n => !Weights(n).Any()) && nodes.Count <= MostLines) return Sized(BoxKind.Plain, [.. nodes.Select(Title)], note);
        var bytes = nodes.SelectMany(Weights).Distinct().Sum(w => w.Capacity);
        var kinds = nodes.GroupBy(Title).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Count() == 1 ? g.Key : $"{g.Count()} × {g.Key}").ToList();
        var shown = kinds.Take(MostLines - 2).ToList();
        if (kinds.Count > shown.Count) shown.Add("…");
        return Sized(BoxKind.Group, [$"{nodes.Count} nodes", .. shown, .. bytes > 0 ? (string[])[$"{(bytes + 1023) / 1024} KiB of weights"] : []], note);
    }

    /// <summary>The operator, or the function that it computes.</summary>
    private static string Title(LoadedNode node) => node.Kind switch
    {
        OpKind.Unary => ((UnaryFunction)node.Attributes.Int(AttributeKey.Function, 0)).ToString(),
        OpKind.Binary => ((BinaryFunction)node.Attributes.Int(AttributeKey.Function, 0)).ToString(),
        OpKind.Reduce => $"Reduce{(ReduceFunction)node.Attributes.Int(AttributeKey.Function, 0)}",
        OpKind.Pool => $"{(PoolFunction)node.Attributes.Int(AttributeKey.Function, 0)}Pool",
        _ => node.Kind.ToString(),
    };

    private static string Described(Tensor weight) => $"{(weight.PackedCount > 1 ? $"{weight.PackedCount} × " : "")}{weight.Layout.Rows} × {weight.Layout.Columns} {weight.Layout.Format.Name}";

    private static Box Sized(BoxKind kind, IEnumerable<string> lines, string note)
    {
        var all = lines.Select(line => line.Length <= WidestLine ? line : line[..(WidestLine - 1)] + "…").ToList();
        return new Box(kind, all, note) { Width = Math.Ceiling(all.Max(line => line.Length) * LetterWidth) + 2 * Margin, Height = all.Count * LineHeight + Margin };
    }
}
