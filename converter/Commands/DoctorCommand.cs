using System.CommandLine;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert doctor</c>: tells what is in a model file, whether it converts, and with which command. It writes no file.</summary>
internal sealed class DoctorCommand(TextWriter stderr)
{
    private readonly ConversionArguments _conversion = new();
    private readonly Option<bool> _json = new("--json") { Description = "Print the report as one JSON document on standard output." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("doctor", "Tells what is in a file of any kind: format and producer, operators and which are not supported, states, time and batch and why, parameters, the work and the bytes of a run in each storage of weights, and the exact command to convert it. Takes the options of convert and writes no file. The exit code is 0 if that command converts.");
        _conversion.AddTo(command);
        command.Options.Add(_json);
        command.SetAction(Run);
        help.Examples(
            command,
            ("What is in a file, and how it converts", ["seqconvert doctor model.onnx"]),
            ("The same with options of convert: sizes, fixed inputs, states", ["seqconvert doctor step.onnx --dim T=1 --set sr=16000 --no-auto-state --state h_in=h_out", "seqconvert doctor decoder.onnx --cache 512", "seqconvert doctor model.h5 --stateful"]),
            ("Only some outputs", ["seqconvert doctor policy.onnx --only-output s", "seqconvert doctor policy.onnx --drop-output action"]),
            ("Two graphs and how they are decoded", ["seqconvert doctor encoder=encoder.onnx step=decoder.onnx --decoding words.json"]),
            ("The error of one storage, with choices by name", ["seqconvert doctor model.onnx --weights int4 --weights-of 'output*=int8' --keep 'dense_2*'"]),
            ("A Keras architecture with its weights; a Keras encoder-decoder as one graph", ["seqconvert doctor model.json --weights-file model.weights.h5", "seqconvert doctor translator.h5 --no-split"]),
            ("Weights in another folder; a report for a program", ["seqconvert doctor model.json --allow-folder ../checkpoints --json"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var sources = _conversion.Sources(result);
        var options = _conversion.Options(result);
        foreach (var (_, path) in sources) ModelFile.MustBeRegular(path);
        ConversionArguments.MustExist(sources, options);
        var isJson = result.GetValue(_json);
        var progress = new ProgressLine(stderr, isJson);
        var report = progress.Run(() => Examination.Of(sources, options, progress));
        var output = result.InvocationConfiguration.Output;
        if (isJson) JsonReports.Write(output, report, JsonReports.Default.DoctorReport);
        else report.Print(output);
        return report.Converts ? ExitCode.Good : ExitCode.Failed;
    }
}
