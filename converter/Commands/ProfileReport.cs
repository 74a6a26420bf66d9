using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>Where the time of a run goes: by operator, and node by node, longest first.</summary>
/// <param name="NodeMicroseconds">All nodes of a run.</param>
/// <param name="Operators">The sums of the nodes of each kind.</param>
/// <param name="Nodes">All nodes that ran.</param>
internal sealed record ProfileReport(double NodeMicroseconds, IReadOnlyList<OperatorTime> Operators, IReadOnlyList<NodeTime> Nodes)
{
    /// <summary>Most nodes of the printed table. JSON has all.</summary>
    private const int MostRows = 25;

    public static ProfileReport Of(IReadOnlyList<NodeTime> nodes)
    {
        var all = nodes.Sum(node => node.Microseconds);
        NodeTime[] sorted = [.. nodes.Select(node => node with { Share = all > 0 ? node.Microseconds / all : 0 }).OrderByDescending(node => node.Microseconds)];
        var kinds = sorted.GroupBy(node => node.Operator)
            .Select(group => new OperatorTime(group.Key, group.Count(), group.Sum(node => node.Calls), group.Sum(node => node.Microseconds), group.Sum(node => node.Share)))
            .OrderByDescending(kind => kind.Microseconds);
        return new ProfileReport(all, [.. kinds], sorted);
    }

    public void Print(TextWriter output)
    {
        output.WriteLine($"  {Text.Count(Nodes.Count, "node")}, {Time(NodeMicroseconds)} µs a run (sum of medians)");
        Text.Table(output, "    ", [["operator", "nodes", "calls", "µs a run", "share"], .. Operators.Select(kind => kind.Cells())]);
        output.WriteLine(Nodes.Count > MostRows ? $"  the {MostRows} longest nodes (--json has all):" : "  nodes:");
        Text.Table(output, "    ", [["operator", "calls", "µs a run", "share", "output", "name"], .. Nodes.Take(MostRows).Select(node => node.Cells())]);
    }

    public static string Time(double microseconds) => microseconds.ToString("F2", CultureInfo.InvariantCulture);

    public static string Part(double share) => share.ToString("0.0%", CultureInfo.InvariantCulture);
}

/// <summary>The nodes of one kind together.</summary>
internal sealed record OperatorTime(string Operator, int Nodes, long Calls, double Microseconds, double Share)
{
    public string[] Cells() => [Operator, Nodes.ToString(CultureInfo.InvariantCulture), Calls.ToString(CultureInfo.InvariantCulture), ProfileReport.Time(Microseconds), ProfileReport.Part(Share)];
}

/// <summary>One node: how often it ran, its median time, its share of all nodes' time, the shape of its first output.</summary>
internal sealed record NodeTime(string Operator, string Name, long Calls, double Microseconds, IReadOnlyList<int> Shape)
{
    public double Share { get; init; }

    public string[] Cells() => [Operator, Calls.ToString(CultureInfo.InvariantCulture), ProfileReport.Time(Microseconds), ProfileReport.Part(Share), Text.Shape(Shape), Name];
}
