using System.Globalization;

namespace SeqRuntime.Tests;

/// <summary>
/// The number of random cases of a test and their first seed. A normal test run has a few; a long run has as many as
/// <c>SEQRUNTIME_CASES</c> says, from <c>SEQRUNTIME_SEED</c> on. A failure names its case's seed, which with
/// <c>SEQRUNTIME_CASES=1</c> repeats it alone. Tests that use it have the trait <c>Cases=Random</c>.
/// </summary>
internal static class LongRuns
{
    /// <summary>Number of cases: <paramref name="usual"/> unless the environment sets another.</summary>
    public static int Cases(int usual) => FromEnvironment("SEQRUNTIME_CASES") ?? usual;

    /// <summary>The seeds of the cases.</summary>
    public static IEnumerable<int> Seeds(int usual) => Enumerable.Range(FromEnvironment("SEQRUNTIME_SEED") ?? 1, Cases(usual));

    /// <summary>Runs a case for every seed, and names one that fails.</summary>
    public static void ForEach(int usual, Action<int> run)
    {
        foreach (var seed in Seeds(usual))
        {
            try
            {
                run(seed);
            }
            catch (Exception fault)
            {
                throw new InvalidOperationException($"SEQRUNTIME_SEED={seed} SEQRUNTIME_CASES=1: {fault.Message}", fault);
            }
        }
    }

    private static int? FromEnvironment(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
