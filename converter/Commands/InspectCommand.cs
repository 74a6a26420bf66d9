using System.CommandLine;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert inspect</c>: shows the content of a <c>.seq</c> file.</summary>
internal sealed class InspectCommand
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "The model." };
    private readonly Option<bool> _tensors = new("--tensors", "-t") { Description = "List every tensor: format, shape, bytes, quantization error." };
    private readonly Option<bool> _nodes = new("--nodes", "-n") { Description = "List every node of every graph: operator, inputs, outputs, attributes." };
    private readonly Option<string[]> _size = new("--size", "-s") { Description = "Largest size of a symbolic dimension, for the session's memory. The default is the smallest that fits.", HelpName = "T=100" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("inspect", "Shows metadata, sections, graphs with inputs, outputs and states, tensors, tables, the memory of a session, and kernel sets.") { _file };
        foreach (var option in new Option[] { _tensors, _nodes, _size, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("An overview", ["seqconvert inspect dtln.seq"]),
            ("Every tensor and every node", ["seqconvert inspect dtln.seq --tensors --nodes"]),
            ("Memory of a session for sequences of up to 100 frames", ["seqconvert inspect model.seq --size T=100"]),
            ("For a program", ["seqconvert inspect dtln.seq --tensors --json"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var sizes = Arguments.Sizes("--size", "T=100", result.GetValue(_size));
        using var model = ModelFile.Load(path);
        var report = Inspection.Of(path, model, sizes, result.GetValue(_tensors), result.GetValue(_nodes));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.InspectReport);
        else report.Print(output);
        return ExitCode.Good;
    }
}
