namespace SeqRuntime.Perf.Comparing;

/// <summary>Programs that do the same work, and the ratios to report. All are timed in one interleaved run.</summary>
/// <param name="Id">Path-like name, for --only.</param>
/// <param name="Size">Distinguishes it from others of the same work: hidden size or a model's name.</param>
/// <param name="Contenders">The programs by name, made when needed.</param>
/// <param name="Rows">The ratios to report.</param>
internal sealed record Contest(string Id, string Size, IReadOnlyDictionary<string, Func<Runner>> Contenders, IReadOnlyList<RowPlan> Rows)
{
    /// <summary>Steps, words and so on in one run. Reported times are for one of them.</summary>
    public double Units { get; init; } = 1;

    /// <summary>The minimum work of the machine for one run of a contender with this many bytes of weights. Null if it is unknown.</summary>
    public Func<string, long, Need>? Limit { get; init; }
}

/// <summary>A ratio to report.</summary>
/// <param name="Id">Last part of the row's name.</param>
/// <param name="Work">The work, without the size.</param>
/// <param name="Ours">The contender that should be faster.</param>
/// <param name="Peer">The other contender, or <see cref="Limit"/> for the machine's limit.</param>
/// <param name="PeerName">The peer's name in the table.</param>
/// <param name="Bar">The required value, if there is one.</param>
internal sealed record RowPlan(string Id, string Work, string Ours, string Peer, string PeerName, Bar? Bar = null)
{
    /// <summary>Stands for the processor's limit.</summary>
    public const string Limit = "limit";

    /// <summary>Largest relative difference of the two results. 0 if they are not compared.</summary>
    public double Tolerance { get; init; }
}

/// <summary>The required and the desired value of a ratio.</summary>
internal sealed record Bar(double AtLeast, double Aim);

/// <summary>Reading a block of this many bytes a number of times, and multiplying.</summary>
internal sealed record Need(long Bytes, int Times, long Macs, bool IsInt8);

/// <summary>A program that is ready to do its work.</summary>
/// <param name="Run">Does the work once.</param>
/// <param name="Owned">Objects to dispose afterwards.</param>
internal sealed record Runner(Action Run, params IDisposable[] Owned) : IDisposable
{
    /// <summary>Bytes of its weights, if known.</summary>
    public long WeightBytes { get; init; }

    /// <summary>The result of the last run, if it can be compared with the others'.</summary>
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
