using System.CommandLine;
using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Perf.Commands;

/// <summary>The commands of perf.</summary>
internal static class PerfCommand
{
    public const string Name = "perf";

    /// <summary>Runs one command line.</summary>
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr) =>
        CommandRunner.Invoke(Root(), args, stdout, stderr, fault => fault is SeqDataException or ArgumentException or InvalidDataException);

    private static Command Root()
    {
        var root = new Command(Name, "Measures SeqRuntime against ONNX Runtime, the machine's limit, and its own earlier results.");
        root.Subcommands.Add(new CompareCommand().Build());
        root.Subcommands.Add(new ProbeCommand().Build());
        root.Subcommands.Add(new ProductsCommand().Build());
        root.Subcommands.Add(new GateCommand().Build());
        root.Subcommands.Add(new StreamsCommand().Build());
        root.Subcommands.Add(new ThreadsCommand().Build());
        root.Subcommands.Add(new PlotCommand().Build());
        root.Subcommands.Add(new RealtimeCommand().Build());
        root.Subcommands.Add(new SoakCommand().Build());
        root.Subcommands.Add(BenchCommand.Build());
        return root;
    }
}
