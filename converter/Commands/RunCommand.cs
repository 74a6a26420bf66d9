using System.CommandLine;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert run</c>: runs a graph once or step by step on arrays, writes its outputs and prints a summary.</summary>
internal sealed class RunCommand
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "The model." };
    private readonly Option<string?> _graph = new("--graph", "-g") { Description = "Graph to run. Not needed if the file has one graph, or one named main.", HelpName = "NAME" };
    private readonly Option<string[]> _input = new("--input", "-i") { Description = "An input from a .npy file; once for each input.", HelpName = "NAME=FILE.npy" };
    private readonly Option<string?> _inputs = new("--inputs") { Description = "Inputs from a .npz file whose arrays have the names of the graph's inputs.", HelpName = "FILE.npz" };
    private readonly Option<string?> _out = new("--out", "-o") { Description = "Where outputs go: FILE.npz, FILE.npy for a graph with one output, or a directory (one .npy for each output).", HelpName = "PATH" };
    private readonly Option<bool> _step = new("--step") { Description = "Run step by step over the first axis of each input that has one axis more than the graph's. States are kept between steps; outputs are stacked." };
    private readonly Option<string[]> _size = new("--size", "-s") { Description = "Size of a symbolic dimension that the inputs do not determine; 0 for an empty cache.", HelpName = "T=100" };
    private readonly Option<string?> _kernels = new("--kernels", "-k") { Description = "Kernel set to use instead of the best; 'seqconvert --info' lists them.", HelpName = "NAME" };
    private readonly Option<int> _repeat = new("--repeat", "-r") { Description = "Run everything this many times, reset the states each time, and report timings.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _profile = new("--profile") { Description = "Report the time by operator and node: the median over the last 1000 runs. The first runs of a program are slower, so use it with --repeat." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("run", "Runs a graph on arrays saved with NumPy and prints shape, minimum, maximum and mean of each output.") { _file };
        foreach (var option in new Option[] { _graph, _input, _inputs, _out, _step, _size, _kernels, _repeat, _profile, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One run; inputs from single arrays or from one archive", ["seqconvert run model.seq --input x=x.npy -o y.npy", "seqconvert run model.seq --inputs in.npz -o out.npz"]),
            ("One graph of several: 1000 frames [1000, 1, 1, 257] as steps of [1, 1, 257] that keep their states", ["seqconvert run dtln.seq --graph mask --input input_2=frames.npy --step --out results/"]),
            ("A size that no input determines", ["seqconvert run model.seq --size T=100"]),
            ("Time a step on one kernel set", ["seqconvert run model.seq --inputs in.npz --step --repeat 20 --kernels portable --json"]),
            ("Where the time goes, operator by operator", ["seqconvert run model.seq --inputs in.npz --repeat 200 --profile"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var repeat = Arguments.AtLeast(1, result, _repeat);
        var kernels = result.GetValue(_kernels);
        ModelFile.CheckKernels(kernels);
        OutputFiles.CheckKind(result.GetValue(_out));
        var files = Arguments.Pairs("--input", "NAME=FILE.npy", result.GetValue(_input));
        var sizes = Arguments.Sizes("--size", "T=100", result.GetValue(_size), least: 0);
        using var model = ModelFile.Load(path, kernels);
        var graph = ModelFile.Graph(model, path, result.GetValue(_graph));
        var archive = result.GetValue(_inputs);
        OutputFiles.Check(result.GetValue(_out), graph, [path, .. files.Values, .. archive is null ? (string[])[] : [archive]]);
        var inputs = RunInputs.Load(graph, files, archive, sizes, result.GetValue(_step));
        var clock = result.GetValue(_profile) ? new NodeClock() : null;
        var run = GraphRun.Execute(model, graph, inputs, repeat, WorkLimit.Chosen, clock);
        if (result.GetValue(_out) is { } target) OutputFiles.Write(target, run.Outputs);

        var report = RunReport.From(path, model, graph, run, inputs.Steps, repeat, clock?.Report(Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!));
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.RunReport);
        else report.Print(output);
        return ExitCode.Good;
    }
}
