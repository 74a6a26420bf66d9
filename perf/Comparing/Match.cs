using SeqRuntime.Perf.Limits;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Runs a contest: prepares its contenders, checks that they agree, and times all of them interleaved.</summary>
internal static class Match
{
    /// <exception cref="InvalidDataException">Two contenders give different results.</exception>
    public static List<CompareRow> Hold(Contest contest, int rounds)
    {
        using var scope = new Scope();
        var names = contest.Rows.SelectMany(row => new[] { row.Ours, row.Peer }).Where(name => name != RowPlan.Limit).Distinct().ToList();
        var runners = names.ToDictionary(name => name, name => scope.Own(contest.Contenders[name]()));
        foreach (var row in contest.Rows) Check(contest, row, runners);

        var works = names.ConvertAll(name => runners[name].Run);
        var limits = new Dictionary<string, (LimitLoops Loops, int Index)>();
        foreach (var row in contest.Rows.Where(row => row.Peer == RowPlan.Limit))
        {
            var need = contest.Limit!(row.Ours, runners[row.Ours].WeightBytes);
            limits[row.Ours] = (scope.Own(new LimitLoops(need)), works.Count);
            works.AddRange(limits[row.Ours].Loops.Works);
        }

        var times = Interleaved.Measure(works, rounds);
        var bytes = new Dictionary<string, long>();
        return [.. contest.Rows.Select(row =>
        {
            var ours = times[names.IndexOf(row.Ours)];
            var theirs = row.Peer == RowPlan.Limit
                ? limits[row.Ours].Loops.Longer(times[limits[row.Ours].Index], times[limits[row.Ours].Index + 1])
                : times[names.IndexOf(row.Peer)];
            if (!bytes.TryGetValue(row.Ours, out var allocated)) bytes[row.Ours] = allocated = Interleaved.Bytes(runners[row.Ours].Run);
            return new CompareRow(
                $"{contest.Id}/{row.Id}",
                row.Work,
                contest.Size,
                row.Ours,
                row.PeerName,
                ours.Median / contest.Units,
                ours.Minimum / contest.Units,
                theirs.Median / contest.Units,
                theirs.Minimum / contest.Units,
                ours.RatioOf(theirs),
                row.Bar?.AtLeast,
                row.Bar?.Aim,
                allocated);
        })];
    }

    /// <summary>Compares results. Both contenders have run once from the same initial states.</summary>
    private static void Check(Contest contest, RowPlan row, Dictionary<string, Runner> runners)
    {
        if (row.Tolerance == 0 || runners[row.Ours].Output is not { } ours || runners[row.Peer].Output is not { } theirs) return;
        var (a, b) = (ours(), theirs());
        double errors = 0, squares = 0;
        for (var i = 0; i < b.Length; i++)
        {
            errors += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            squares += (double)b[i] * b[i];
        }

        var difference = Math.Sqrt(errors / squares);
        if (!(difference <= row.Tolerance)) throw new InvalidDataException($"{contest.Id}/{row.Id}: the results differ by {difference:P2}, more than {row.Tolerance:P2}");
    }

    private sealed class Scope : IDisposable
    {
        private readonly Stack<IDisposable> _owned = new();

        public T Own<T>(T owned)
            where T : IDisposable
        {
            _owned.Push(owned);
            return owned;
        }

        public void Dispose()
        {
            while (_owned.TryPop(out var owned)) owned.Dispose();
        }
    }
}

/// <summary>The machine's limit for a piece of work: reading its weights, or multiplying, whichever takes longer.</summary>
internal sealed class LimitLoops(Need need) : IDisposable
{
    private readonly ReadLoop _read = new(need.Bytes, ReadLoop.Usual);
    private readonly MultiplyLoop _multiply = need.IsInt8 ? MultiplyLoop.Int8 : MultiplyLoop.Float32;

    /// <summary>What to time.</summary>
    public Action[] Works => [() => _read.Run(need.Times), () => _multiply.Run(need.Macs)];

    /// <summary>The longer of the two.</summary>
    public BlockTimes Longer(BlockTimes read, BlockTimes multiply) =>
        need.Times == 0 || (need.Macs > 0 && multiply.Median > read.Median) ? multiply : read;

    public void Dispose() => _read.Dispose();
}
