using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using SeqRuntime.Tests;

[assembly: AssemblyFixture(typeof(Skips))]

namespace SeqRuntime.Tests;

/// <summary>
/// Skips tests whose requirements are missing, and says at the end of a run how many there were and why. <c>dotnet test</c> prints the
/// names of skipped tests, but the reasons only in its longer outputs.
/// </summary>
public sealed class Skips : IDisposable
{
    private static readonly ConcurrentDictionary<string, ConcurrentBag<string>> s_missing = new(StringComparer.Ordinal);

    /// <summary>Skips the running test. <paramref name="why"/> is one sentence for all tests of a kind; <paramref name="missing"/> names what this test needs.</summary>
    [DoesNotReturn]
    internal static void Because(string why, string missing)
    {
        s_missing.GetOrAdd(why, _ => []).Add(missing);
        Assert.Skip($"{why}: {missing}");
    }

    /// <summary>One line for each kind.</summary>
    internal static IEnumerable<string> Summary(IEnumerable<KeyValuePair<string, IReadOnlyCollection<string>>> missing) =>
        missing.OrderBy(kind => kind.Key, StringComparer.Ordinal).Select(kind =>
            $"{kind.Value.Count} {(kind.Value.Count == 1 ? "test was" : "tests were")} skipped. {kind.Key}: {string.Join(", ", kind.Value.Distinct().Order(StringComparer.Ordinal))}");

    public void Dispose()
    {
        foreach (var line in Summary(s_missing.Select(kind => KeyValuePair.Create(kind.Key, (IReadOnlyCollection<string>)kind.Value)))) TestContext.Current.SendDiagnosticMessage("{0}", line);
    }
}
