using System.CommandLine;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert inspect</c>: shows the content of a <c>.seq</c> file.</summary>
internal sealed class InspectCommand
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "The model." };
    private readonly Argument<string?> _other = new("OTHER.seq") { Description = "The second model, for --diff.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> _diff = new("--diff") { Description = "Show what differs between two files: metadata, graphs, nodes, and the storage and values of tensors." };
    private readonly Option<bool> _tensors = new("--tensors", "-t") { Description = "List every tensor: format, shape, bytes, quantization error." };
    private readonly Option<bool> _nodes = new("--nodes", "-n") { Description = "List every node of every graph: operator, inputs, outputs, attributes." };
    private readonly Option<string[]> _size = new("--size", "-s") { Description = "Largest size of a symbolic dimension, for the session's memory. The default is the smallest that fits.", HelpName = "T=100" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("inspect", "Shows metadata, sections, graphs with inputs, outputs and states, tensors, tables, the memory of a session, and kernel sets; or what differs between two files.") { _file, _other };
        foreach (var option in new Option[] { _tensors, _nodes, _size, _diff, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("An overview", ["seqconvert inspect dtln.seq"]),
            ("Every tensor and every node", ["seqconvert inspect dtln.seq --tensors --nodes"]),
            ("Memory of a session for sequences of up to 100 frames", ["seqconvert inspect model.seq --size T=100"]),
            ("What differs between two files", ["seqconvert inspect --diff int8.seq int4.seq"]),
            ("For a program", ["seqconvert inspect dtln.seq --tensors --json"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var sizes = Arguments.Sizes("--size", "T=100", result.GetValue(_size));
        var other = result.GetValue(_other);
        if (result.GetValue(_diff) != other is not null) throw new UsageException(other is null ? "--diff: give two files" : $"'{other}': two files are for --diff");
        using var model = ModelFile.Load(path);
        if (other is not null) return Diff(result, path, model, other);
        var report = Inspection.Of(path, model, sizes, result.GetValue(_tensors), result.GetValue(_nodes));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.InspectReport);
        else report.Print(output);
        return ExitCode.Good;
    }

    private int Diff(ParseResult result, string path, SeqModel model, string other)
    {
        if (result.GetValue(_tensors) || result.GetValue(_nodes) || result.GetResult(_size) is { Implicit: false }) throw new UsageException("--diff shows all that differs: leave out --tensors, --nodes and --size");
        using var second = ModelFile.Load(other);
        var report = DiffReport.Of((path, model), (other, second));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.DiffReport);
        else report.Print(output);
        return ExitCode.Good;
    }
}
