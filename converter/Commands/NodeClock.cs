using System.Diagnostics;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Takes the time of each node of a session. A session that is made with <see cref="Watch"/> runs its nodes through this clock; other sessions
/// do not know of it.
/// </summary>
internal sealed class NodeClock
{
    /// <summary>Times kept of each node: the last ones.</summary>
    private const int Kept = 1000;

    private readonly List<TimedOperator> _nodes = [];

    /// <summary>Takes the place of a node's operator (<see cref="SeqSessionOptions.Instrument"/>).</summary>
    public Operator Watch(Operator inner, int node)
    {
        var timed = new TimedOperator(inner, node);
        _nodes.Add(timed);
        return timed;
    }

    /// <summary>The median time of each node. What taking the time itself costs is not in it.</summary>
    /// <param name="graph">The session's graph.</param>
    public ProfileReport Report(LoadedGraph graph)
    {
        var cost = OwnTicks();
        return ProfileReport.Of([.. _nodes.Where(node => node.Calls > 0).Select(node => new NodeTime(
            OperatorName(graph.Nodes[node.Node]),
            graph.Nodes[node.Node].Name,
            node.Calls,
            Math.Max(0, node.MedianTicks() - cost) * 1e6 / Stopwatch.Frequency,
            node.Shape))]);
    }

    /// <summary>A node's kind and, where it has one, its function.</summary>
    private static string OperatorName(LoadedNode node)
    {
        var report = Inspection.Attributes(node);
        return report.TryGetValue(nameof(Format.AttributeKey.Function), out var function) ? $"{node.Kind} {function}" : node.Kind.ToString();
    }

    /// <summary>The median of a node that does nothing.</summary>
    private static double OwnTicks()
    {
        var empty = new TimedOperator(new Nothing(), 0);
        for (var i = 0; i < 3 * Kept; i++) empty.Execute(null!);
        return empty.MedianTicks();
    }

    private sealed class TimedOperator(Operator inner, int node) : Operator
    {
        private readonly long[] _ticks = new long[Kept];

        public int Node => node;

        public long Calls { get; private set; }

        /// <summary>The shape of the first output of the last run.</summary>
        public int[] Shape { get; private set; } = [];

        public override void Infer(NodeContext context) => inner.Infer(context);

        public override void Execute(NodeContext context)
        {
            var start = Stopwatch.GetTimestamp();
            inner.Execute(context);
            var ticks = Stopwatch.GetTimestamp() - start;
            _ticks[Calls++ % Kept] = ticks;
            if (context is null || First(context) is not { } output || output.Shape.AsSpan().SequenceEqual(Shape)) return;
            Shape = output.Shape.AsSpan().ToArray();
        }

        public double MedianTicks()
        {
            var times = _ticks.AsSpan(0, (int)Math.Min(Calls, Kept)).ToArray();
            Array.Sort(times);
            return times.Length == 0 ? 0 : (times[(times.Length - 1) / 2] + times[times.Length / 2]) / 2.0;
        }

        private static Tensor? First(NodeContext context)
        {
            for (var i = 0; i < context.OutputCount; i++)
            {
                if (context.OptionalOutput(i) is { } output) return output;
            }

            return null;
        }
    }

    private sealed class Nothing : Operator
    {
        public override void Infer(NodeContext context)
        {
        }

        public override void Execute(NodeContext context)
        {
        }
    }
}
