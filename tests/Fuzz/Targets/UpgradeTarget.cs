using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Format;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A <c>.seq</c> file of format 1.x: it is upgraded, and the upgraded file is loaded and run.</summary>
internal sealed class UpgradeTarget : Target
{
    private const int Longest = 3;
    private const long MostMemory = 1 << 24;
    private const long MostWork = 100_000_000;

    private readonly List<byte[]> _seeds = [.. Corpus("upgrade")];

    public override string Name => "upgrade";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        var seed = Pick(random, _seeds);
        // Most of a file is weights, which may have any value; damage before them is dangerous.
        var weights = random.Next(4) == 0 ? -1 : SeqTarget.Section(seed, SeqLayout.Data);
        var bytes = Bytes.Mutate(random, seed, Pick(random, _seeds), 0, weights);
        if (random.Next(8) != 0) SeqTarget.Mend(bytes);
        return bytes;
    }

    public override Outcome Run(byte[] input)
    {
        byte[] file;
        try
        {
            file = Upgrade.Run("input.seq", input).File;
            Upgrade.Check("input.seq", file).Dispose();
        }
        catch (SeqFormatException fault)
        {
            Why = fault.Message;
            return Outcome.Refused;
        }

        // An upgraded file must load. Its graphs may still not fit together.
        using var model = SeqModel.Load(file);
        foreach (var graph in model.Graphs)
        {
            try
            {
                var options = new SeqSessionOptions { MemoryLimitBytes = MostMemory, WorkLimit = MostWork };
                foreach (var symbol in graph.Symbols) options.MaxSizes[symbol] = Longest;
                using var session = model.CreateSession(graph.Name, options);
                session.Run();
            }
            catch (Exception fault) when (fault is SeqFormatException or SeqDataException or ArgumentException)
            {
            }
        }

        return Outcome.Taken;
    }
}
