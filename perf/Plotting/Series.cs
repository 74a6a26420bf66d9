using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Plotting;

/// <summary>One line of the picture: microseconds of one step by units.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="IsOurs">Drawn solid; others dashed.</param>
/// <param name="Points">Units and microseconds, ascending.</param>
internal sealed record Series(string Name, bool IsOurs, IReadOnlyList<(int Units, double Microseconds)> Points)
{
    /// <summary>All series of one layer that the rows hold: ours by storage, then the peers.</summary>
    public static List<Series> Of(string op, IReadOnlyList<CompareRow> rows)
    {
        var ours = new Dictionary<string, SortedDictionary<int, double>>();
        var theirs = new Dictionary<string, SortedDictionary<int, double>>();
        foreach (var row in rows)
        {
            if (row.IsShare || row.Id.Split('/') is not [var layer, "step", var size, _] || layer != op || !int.TryParse(size, out var units)) continue;
            Put(ours, $"SeqRuntime {row.Weights}", units, row.OursMicroseconds);
            if (row.Peer.StartsWith("ONNX Runtime", StringComparison.Ordinal)) Put(theirs, row.Peer, units, row.PeerMicroseconds);
        }

        return [.. ours.Select(s => Make(s, true)), .. theirs.Select(s => Make(s, false))];
    }

    private static void Put(Dictionary<string, SortedDictionary<int, double>> all, string name, int units, double microseconds)
    {
        if (!all.TryGetValue(name, out var points)) all[name] = points = [];
        points[units] = microseconds;
    }

    private static Series Make(KeyValuePair<string, SortedDictionary<int, double>> points, bool isOurs) => new(points.Key, isOurs, [.. points.Value.Select(p => (p.Key, p.Value))]);
}
