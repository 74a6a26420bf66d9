using SeqRuntime.Tests.Sessions.Streams;

namespace SeqRuntime.Tests.Sessions.Sharing;

/// <summary>
/// Random graphs whose values share memory, compared with a session in which none do. Every run gives the same bits, also with fixed inputs,
/// with two threads, as streams, at changing sizes, and after failed runs.
/// </summary>
/// <remarks>A long run: SEQRUNTIME_CASES=20000 dotnet test tests -c Release --filter Cases=Random</remarks>
[Trait("Cases", "Random")]
public class SharedMemoryTests
{
    private const int Usual = 300;

    /// <summary>At most this share of all cases may be refused at some size; otherwise the test checks too little.</summary>
    private const double MostRefused = 0.1;

    [Fact]
    public void Sessions_have_the_bits_of_one_in_which_nothing_shares_memory() => ForEachSeed(seed => new SharingCase(seed).RunSessions());

    [Fact]
    public void Streams_have_the_bits_of_sessions_in_which_nothing_shares_memory() => ForEachSeed(seed =>
    {
        var graph = new RandomGraph(seed, hasCaches: false);
        using var model = SeqModel.Load(graph.File);
        var alone = new SeqSessionOptions { MaxSizes = graph.MaxSizes, SharesMemory = false };
        var least = graph.MaxSizes.Keys.ToDictionary(symbol => symbol, _ => 1);
        try
        {
            StreamsBesideSessions.Run(model, graph: null, new SeqSessionOptions { MaxSizes = graph.MaxSizes }, capacity: 3, steps: 5, seed, RandomGraph.TableRows, least: least, alone: alone);
            return true;
        }
        catch (ArgumentException fault) when (SharingCase.IsRefusal(fault))
        {
            return false;
        }
    });

    private static void ForEachSeed(Func<int, bool> isTaken)
    {
        var refused = 0;
        LongRuns.ForEach(Usual, seed => refused += isTaken(seed) ? 0 : 1);
        var cases = LongRuns.Cases(Usual);
        if (cases >= Usual) Assert.True(refused <= MostRefused * cases, $"{refused} of {cases} cases were refused.");
    }
}
