namespace SeqRuntime.Perf.Comparing;

/// <summary>Inputs that need no file.</summary>
internal static class Signals
{
    public static float[] Wave(int count) => [.. Enumerable.Range(0, count).Select(i => 0.3f * MathF.Sin(i * 0.7f))];
}
