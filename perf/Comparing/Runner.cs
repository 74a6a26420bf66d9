namespace SeqRuntime.Perf.Comparing;

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
