using System.Globalization;
using SeqRuntime.Fuzz.Targets;

namespace SeqRuntime.Fuzz.Running;

/// <summary>The command line.</summary>
internal static class Commands
{
    private const string Usage = """
        Changes small files at random and gives them to what reads them. A fault is a crash, more than 10 s of the processor for one input, more than
        1 GiB, or an exception that is not documented; its input is kept in --findings.

          Fuzz TARGET [--count N] [--seed S] [--findings DIR]   so many inputs; goes on where it stopped
          Fuzz all [--count N] [--seed S] [--findings DIR]       the same for every target
          Fuzz minute [--seed S] [--findings DIR]                a few seconds of every target
          Fuzz long [--seed S] [--findings DIR]                  a million of seq, 100,000 of every other target; goes on where it stopped
          Fuzz one TARGET FILE …                                 these inputs, in this process
          Fuzz seeds TARGET DIR                                  writes a target's seeds, for another fuzzer
          Fuzz afl TARGET                                        reads inputs as AFL++ gives them (afl.sh)
        """;

    public static int Invoke(string[] args)
    {
        // The decimal separator must not depend on the machine.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        switch (args)
        {
            case ["worker", var target, var seed, var from, var to, var progress, var findings, var isEach]:
                return new Worker(target, ulong.Parse(seed), long.Parse(from), long.Parse(to), progress, findings, isEach == "each").Run();
            case ["one", var target, .. var files] when Target.All.ContainsKey(target):
                return One(target, files);
            case ["seeds", var target, var folder] when Target.All.ContainsKey(target):
                return WriteSeeds(target, folder);
            case ["afl", var target] when Target.All.ContainsKey(target):
                return Afl.Run(target);
            case ["minute", .. var options] when Options.Read(options) is { } minute:
                return Minute(minute);
            case ["long", .. var options] when Options.Read(options) is { } most:
                return Target.All.Keys.Max(target => new Supervisor(target, most with { Count = target == "seq" ? 1_000_000 : 100_000 }).Run());
            case ["all", .. var options] when Options.Read(options) is { } all:
                return Target.All.Keys.Max(target => new Supervisor(target, all).Run());
            case [var target, .. var options] when Target.All.ContainsKey(target) && Options.Read(options) is { } one:
                return new Supervisor(target, one).Run();
            default:
                Console.Error.WriteLine($"{Usage}\n\nTargets: {string.Join(", ", Target.All.Keys)}");
                return 2;
        }
    }

    private static int Minute(Options options)
    {
        const double seconds = 50;
        var share = seconds / Target.All.Count;
        return Target.All.Keys.Max(target => new Supervisor(target, options with { Count = long.MaxValue, Seconds = share, IsResumed = false }).Run());
    }

    private static int One(string name, string[] files)
    {
        using var target = Target.All[name]();
        foreach (var file in files)
        {
            var outcome = target.Run(File.ReadAllBytes(file));
            Console.WriteLine(outcome == Outcome.Refused ? $"{file}: refused: {target.Why}" : $"{file}: taken");
        }

        return 0;
    }

    private static int WriteSeeds(string name, string folder)
    {
        using var target = Target.All[name]();
        Directory.CreateDirectory(folder);
        foreach (var (index, seed) in target.Seeds.Index()) File.WriteAllBytes(Path.Combine(folder, $"{name}-{index:00}"), seed);
        return 0;
    }
}

/// <summary>The options of the command line.</summary>
/// <param name="Count">Number of inputs.</param>
/// <param name="Seed">Seed of all random choices.</param>
/// <param name="Seconds">Time limit. Null for none.</param>
/// <param name="Findings">The folder for faulty inputs and for the progress of a run.</param>
/// <param name="IsResumed">Whether to continue an earlier run.</param>
internal sealed record Options(long Count, ulong Seed, double? Seconds, string Findings, bool IsResumed)
{
    public static Options? Read(string[] args)
    {
        var options = new Options(10_000, 1, Seconds: null, Path.Combine("artifacts", "fuzz"), IsResumed: true);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) return null;
            var value = args[i + 1];
            switch (args[i])
            {
                case "--count" when long.TryParse(value, out var count) && count > 0: options = options with { Count = count }; break;
                case "--seed" when ulong.TryParse(value, out var seed): options = options with { Seed = seed }; break;
                case "--findings": options = options with { Findings = value }; break;
                default: return null;
            }
        }

        return options;
    }
}
