using System.CommandLine;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Boards;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf arm</c>: what steps take on Arm boards by models of their processors. It runs anywhere, because it measures nothing.</summary>
internal sealed class ArmCommand
{
    private readonly Option<string[]> _only = new("--only") { Description = "Only steps and loops whose name matches; '*' stands for any text: lstm/int8/256, dtln, 'int8, 1 row', …", HelpName = "PATTERN …", AllowMultipleArgumentsPerToken = true };
    private readonly Option<bool> _readme = new("--readme") { Description = "Write the short table into README.md." };

    public Command Build()
    {
        var command = new Command("arm", "Prints the instructions of steps and inner loops on Arm, their cycles by published models of Cortex-A53, A72 and A76, and the time that these give on a Raspberry Pi 3, 4 and 5. All times are estimates. perf/arm/cycles.py computes the cycles from a binary.") { _only, _readme };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var patterns = result.GetValue(_only) is { Length: > 0 } given ? given : ["*"];
        var output = result.InvocationConfiguration.Output;
        bool IsWanted(string name) => patterns.Any(pattern => Wildcard.Matches(name, pattern));
        var estimate = ArmEstimate.Read();
        if (!estimate.Steps.Any(step => IsWanted(step.Case)) && !estimate.Loops.Any(loop => IsWanted(loop.Name))) throw new UsageException($"--only {string.Join(' ', patterns)}: no step or loop has such a name");
        output.WriteLine(estimate.Markdown(IsWanted));
        if (estimate.OutOfDate() is { Count: > 0 } old) output.WriteLine($"{old.Count} of {estimate.Steps.Count} rows have other counts in {ArmEstimate.CountsFile} by now, {old[0].Case} among them: run perf/arm/cycles.py.");
        if (result.GetValue(_readme)) Tables.Write(Tables.Readme, "arm", estimate.Short());
        return ExitCode.Good;
    }
}
