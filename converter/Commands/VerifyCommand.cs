using System.CommandLine;
using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert verify</c>: proves that a <c>.seq</c> file computes what its source does, within a promise, and the bits that its conversion recorded.</summary>
internal sealed class VerifyCommand(TextWriter stderr)
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "The model." };
    private readonly SourceOptions _source = new();
    private readonly Option<string[]> _samples = new("--samples") { Description = "Sample inputs on which both run, as in convert. Without it, inputs are generated.", HelpName = "[GRAPH=]FILE" };
    private readonly Option<string?> _maxError = new("--max-error", "-e") { Description = $"The largest relative RMS error of an output that passes. The default is the promise that the file records, or {Promise.InWords(Measurement.Tolerated)}.", HelpName = "1%" };
    private readonly Option<string?> _kernels = new("--kernels", "-k") { Description = "Kernel set to use instead of the best; 'seqconvert --info' lists them.", HelpName = "NAME" };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report as one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("verify", "Runs a .seq file beside the model that it was converted from and tells how far the outputs differ; and compares the bits of the runs that the file records (convert --golden). Exit code 1 if an output differs by more than the promise, or a recorded bit is another.") { _file };
        _source.AddTo(command);
        foreach (var option in new Option[] { _samples, _maxError, _kernels, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("Whether this machine computes the recorded bits", ["seqconvert verify model.seq", "seqconvert verify model.seq --kernels portable"]),
            ("How far it is from its source", ["seqconvert verify model.seq --against model.onnx", "seqconvert verify dtln.seq --against mask=model_1.onnx refine=model_2.onnx"]),
            ("A promise of 1 %, on your own inputs", ["seqconvert verify model.seq --against model.onnx --samples inputs.npz --max-error 1%"]),
            ("Files that lie elsewhere than beside the source", ["seqconvert verify thai2rom.seq --against encoder=enc.onnx step=dec.onnx --decoding docs/thai2rom.json", "seqconvert verify model.seq --against model.json --weights-file trained/model.weights.h5 --allow-folder ../checkpoints"]),
            ("A file that does not record the options of its conversion", ["seqconvert verify old.seq --against model.onnx --set sr=16000 --dim T=1 --no-auto-state --state h=hn --stateful --cache 512 --drop-output a --only-output b --no-split"]),
            ("A report for a program", ["seqconvert verify model.seq --against model.onnx --json"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var kernels = result.GetValue(_kernels);
        ModelFile.CheckKernels(kernels);
        var asked = MaxError(result);
        var isCompared = _source.AreGiven(result);
        if (!isCompared && (asked is not null || result.GetResult(_samples) is { Implicit: false })) throw new UsageException("--max-error and --samples are for a comparison with the source: give --against FILE");
        using var model = ModelFile.Load(path, kernels);
        if (!isCompared && !model.HasGoldenPair) throw new ConversionException($"{path}: the file has no golden pair to compare with; give the model that it was converted from, --against FILE, or convert it with --golden");
        var notes = new List<string>();
        var golden = model.HasGoldenPair ? Golden(model, path) : null;
        var (promise, comparison) = isCompared ? Compared(result, model, path, asked, notes) : (null, null);
        var report = VerifyReport.Of(path, model, golden, comparison, promise, notes);
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.VerifyReport);
        else report.Print(output);
        return report.Passed ? ExitCode.Good : ExitCode.Failed;
    }

    private (PromiseReport Promise, SourceComparison Comparison) Compared(ParseResult result, SeqModel model, string path, double? asked, List<string> notes)
    {
        var (sources, options) = _source.Of(result, model, path, notes);
        options = options with { Samples = Arguments.Samples(result.GetValue(_samples)) };
        var progress = new ProgressLine(stderr, quiet: false);
        var comparison = progress.Run(() => SourceComparison.Of(model, path, sources, options, progress));
        foreach (var (file, recorded, found) in comparison.OtherFiles) notes.Add($"{file} is not the file that the model was converted from: its SHA-256 is {found}, the model records {recorded}");
        return (PromiseOf(model, path, asked), comparison);
    }

    private static SeqVerification Golden(SeqModel model, string path)
    {
        try
        {
            return model.Verify();
        }
        catch (SeqFormatException fault)
        {
            throw ModelFile.Named(path, fault);
        }
    }

    private double? MaxError(ParseResult result) => result.GetValue(_maxError) is { } text
        ? Promise.Parse(text) ?? throw new UsageException($"--max-error {text}: give a percentage above 0, such as 1%")
        : null;

    /// <summary>The asked promise, that of the file, or what convert tolerates without a warning.</summary>
    private static PromiseReport PromiseOf(SeqModel model, string path, double? asked)
    {
        if (asked is { } ratio) return new PromiseReport(ratio, "--max-error");
        if (!model.Metadata.TryGetValue(Promise.Key, out var text)) return new PromiseReport(Measurement.Tolerated, "the default");
        return new PromiseReport(Promise.Parse(text) ?? throw new ConversionException($"{path}: the recorded promise '{text}' is no percentage; give --max-error"), "the promise of the file");
    }
}
