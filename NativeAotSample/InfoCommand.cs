using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SeqRuntime;

namespace NativeAotSample;

/// <summary>Shows which kernel sets the program contains, which can run here, and which is chosen.</summary>
internal static class InfoCommand
{
    public static void Run(Arguments arguments)
    {
        var chosen = SeqKernelSets.Default;
        var report = new Report(arguments.Json);
        report.Line("processor", $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {string.Join(" ", SeqKernelSets.InstructionSets)}");
        foreach (var name in SeqKernelSets.BuiltIn)
            report.Line(name, $"built, {(SeqKernelSets.Supported.Contains(name) ? "runnable" : "not runnable here")}{(name == chosen ? ", chosen" : "")}");
        report.Add("architecture", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
        report.Raw("instructionSets", List(SeqKernelSets.InstructionSets));
        report.Raw("built", List(SeqKernelSets.BuiltIn));
        report.Raw("runnable", List(SeqKernelSets.Supported));
        report.Add("chosen", chosen);
        report.Raw("dynamicCode", RuntimeFeature.IsDynamicCodeCompiled ? "true" : "false");
        report.Print();
    }

    private static string List(IEnumerable<string> names) => $"[{string.Join(",", names.Select(Report.Quote))}]";
}
