using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Commands;

/// <summary>
/// <c>perf profile</c>: where the time of a model's run goes, by operator and node. The model is run on a wave, warm, with and without the clock.
/// </summary>
internal sealed class ProfileCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "A .seq file, or a model of any kind that converts without a description." };
    private readonly Option<string?> _graph = new("--graph") { Description = "Graph to run. Not needed if the file has one graph, or one named main.", HelpName = "NAME" };
    private readonly Option<string> _weights = new("--weights") { Description = "How a model that is converted stores its weights.", HelpName = "KIND", DefaultValueFactory = _ => "fp32" };
    private readonly Option<string[]> _set = new("--set") { Description = "Fix a scalar input of a model that is converted.", HelpName = "sr=16000" };
    private readonly Option<string[]> _size = new("--size") { Description = "Size of a symbolic dimension; 1 if not given.", HelpName = "T=100" };
    private readonly Option<int> _runs = new("--runs") { Description = "Number of runs; the median of the last 1000 counts.", HelpName = "N", DefaultValueFactory = _ => 500 };
    private readonly Option<FileInfo> _json = new("--json") { Description = "Write all nodes to this file.", HelpName = "FILE" };

    public Command Build()
    {
        var command = new Command("profile", "Where the time of a model's run goes: by operator, and node by node.") { _model, _graph, _weights, _set, _size, _runs, _json };
        _weights.AcceptOnlyFromAmong([.. WeightKinds.All.Select(storage => storage.Name)]);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_model);
        var runs = Arguments.AtLeast(1, result, _runs);
        ModelFile.MustExist(path);
        using var model = path.EndsWith(".seq", StringComparison.Ordinal) ? ModelFile.Load(path) : Converted(path, result);
        var graph = ModelFile.Graph(model, path, result.GetValue(_graph));
        var sizes = graph.Symbols.ToDictionary(symbol => symbol, _ => 1);
        foreach (var (symbol, size) in Arguments.Sizes("--size", "T=100", result.GetValue(_size))) sizes[symbol] = size;
        var clock = new NodeClock();
        using var watched = Session(model, graph.Name, new SeqSessionOptions { MaxSizes = sizes, Instrument = clock.Watch });
        using var plain = Session(model, graph.Name, new SeqSessionOptions { MaxSizes = sizes });
        Interleaved.Warm([watched.Run, plain.Run]);
        for (var i = 0; i < runs; i++) watched.Run();
        var report = clock.Report(Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!);
        var whole = Interleaved.Measure([plain.Run], Math.Min(runs, 50))[0];
        result.InvocationConfiguration.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Machine.Here()}\n{Path.GetFileName(path)}, graph {graph.Name}: {whole.Median:F2} µs a run without the clock"));
        report.Print(result.InvocationConfiguration.Output);
        if (result.GetValue(_json) is { } json) File.WriteAllText(json.FullName, JsonReports.Text(report, JsonReports.Default.ProfileReport));
        return ExitCode.Good;
    }

    private SeqModel Converted(string path, ParseResult result) => Ours.Load(Conversion.Convert([("main", path)], new ConversionOptions
    {
        Weights = WeightKinds.Parse(result.GetValue(_weights)!) ?? WeightKind.Float32,
        Sets = Arguments.Pairs("--set", "sr=16000", result.GetValue(_set)),
    }).File);

    /// <summary>A session whose fp32 inputs hold a wave, and whose other inputs hold zeros.</summary>
    private static SeqSession Session(SeqModel model, string graph, SeqSessionOptions options)
    {
        var session = model.CreateSession(graph, options);
        for (var i = 0; i < session.Inputs.Count; i++)
        {
            if (session.Inputs[i].Type != ElementType.Float32) continue;
            var x = session.Input<float>(i);
            Signals.Wave(x.Length).CopyTo(x);
        }

        return session;
    }
}
