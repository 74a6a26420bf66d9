using System.CommandLine;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Benchmarks;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf bench</c>: runs the BenchmarkDotNet suites. Their own options follow.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        var rest = new Argument<string[]>("BenchmarkDotNet options") { Arity = ArgumentArity.ZeroOrMore, CaptureRemainingTokens = true };
        var command = new Command("bench", "Kernels, layers and whole models under BenchmarkDotNet, ONNX Runtime as the baseline; writes Markdown and JSON.") { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(result => Suites.Run([.. result.GetValue(rest) ?? [], .. result.UnmatchedTokens]) ? ExitCode.Good : ExitCode.Failed);
        return command;
    }
}
