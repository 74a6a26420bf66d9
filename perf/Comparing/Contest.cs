namespace SeqRuntime.Perf.Comparing;

/// <summary>Programs that do the same work, and the ratios that are of interest; all are timed in one interleaved run.</summary>
/// <param name="Id">Path-like name, for --only.</param>
/// <param name="Size">What tells it from others of the same work: units, a model's name.</param>
/// <param name="Contenders">By name, made when needed.</param>
/// <param name="Rows">What to report.</param>
internal sealed record Contest(string Id, string Size, IReadOnlyDictionary<string, Func<Runner>> Contenders, IReadOnlyList<RowPlan> Rows)
{
    /// <summary>Steps, words … of one run: reported times are of one.</summary>
    public double Units { get; init; } = 1;

    /// <summary>What of the machine one run of a contender with so many bytes of weights needs at least; null where it is not known.</summary>
    public Func<string, long, Need>? Limit { get; init; }
}

/// <summary>A ratio to report.</summary>
/// <param name="Id">Last part of the row's name.</param>
/// <param name="Work">What is done, without the size.</param>
/// <param name="Ours">The contender that is to be faster.</param>
/// <param name="Peer">The other one; <see cref="Limit"/> for the machine's limit.</param>
/// <param name="PeerName">How the table calls it.</param>
/// <param name="Bar">What must be reached, where something must.</param>
internal sealed record RowPlan(string Id, string Work, string Ours, string Peer, string PeerName, Bar? Bar = null)
{
    /// <summary>Stands for what the processor could do.</summary>
    public const string Limit = "limit";

    /// <summary>Largest relative difference of the two results; 0 where they are not compared.</summary>
    public double Tolerance { get; init; }
}

/// <summary>What a ratio must reach.</summary>
internal sealed record Bar(double AtLeast, double Aim);

/// <summary>Reading a block of so many bytes some times, and multiplying.</summary>
internal sealed record Need(long Bytes, int Times, long Macs, bool IsInt8);

/// <summary>A program that was made ready to do its work.</summary>
/// <param name="Run">Does it once.</param>
/// <param name="Owned">What to free afterwards.</param>
internal sealed record Runner(Action Run, params IDisposable[] Owned) : IDisposable
{
    /// <summary>Bytes its weights occupy, where that is known.</summary>
    public long WeightBytes { get; init; }

    /// <summary>The result of the last run, where it can be compared with the others'.</summary>
    public Func<float[]>? Output { get; init; }

    public void Dispose()
    {
        foreach (var owned in Owned) owned.Dispose();
    }
}

/// <summary>Inputs that need no file.</summary>
internal static class Signals
{
    public static float[] Wave(int count) => [.. Enumerable.Range(0, count).Select(i => 0.3f * MathF.Sin(i * 0.7f))];
}
