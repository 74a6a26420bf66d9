using System.CommandLine;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert convert</c>: converts models to one <c>.seq</c> file. The file is written completely or not at all.</summary>
internal sealed class ConvertCommand(TextWriter stderr)
{
    private readonly ConversionArguments _conversion = new();
    private readonly Option<string> _out = new("--out", "-o") { Description = "The file to write.", HelpName = "OUT.seq", Required = true };
    private readonly Option<string[]> _samples = new("--samples") { Description = "Sample inputs, on which outputs are compared with fp32 if weights are rounded: arrays (.npz, .npy), raw float32 numbers (.f32, .raw), or lines of text for a model that decodes. Without it, inputs are generated.", HelpName = "[GRAPH=]FILE" };
    private readonly Option<bool> _golden = new("--golden") { Description = "Record a few runs of each graph in the file, as seeds of inputs and checksums of outputs: 'seqconvert verify', SeqModel.Verify() and the sample's --verify then tell whether another machine computes the same bits." };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report as one JSON document on standard output." };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Print only errors." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("convert", "Converts a model to a .seq file: folds constants, fixes the given sizes, pairs states, and packs weights. The kind of a file is told by its content.");
        _conversion.AddTo(command);
        foreach (var option in new Option[] { _out, _samples, _golden, _json, _quiet }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One model", ["seqconvert convert model.onnx -o model.seq"]),
            ("Two models as two graphs of one file, weights in int8 except for one layer", ["seqconvert convert mask=model_1.onnx refine=model_2.onnx -o dtln.seq --weights int8 --keep 'dense_2*'"]),
            ("Weights in int4, but the last layer in int8 and one matrix in fp16", ["seqconvert convert model.onnx -o model.seq --weights int4 --weights-of 'output*=int8' --weights-of encoder.weight=fp16"]),
            ("int8, and what it does to the outputs on your own inputs, given by graph or by name", ["seqconvert convert mask=model_1.onnx refine=model_2.onnx -o dtln.seq --weights int8 --samples mask=frames.npy", "seqconvert convert model.onnx -o model.seq --weights int8 --samples inputs.npz"]),
            ("Record runs in the file; compare their bits on another machine", ["seqconvert convert model.onnx -o model.seq --golden", "seqconvert verify model.seq"]),
            ("The 16 kHz branch of a model that takes the sample rate as an input", ["seqconvert convert silero_vad_16k_op15.onnx -o vad.seq --set sr=16000"]),
            ("One step at a time, with the state pairs given by hand", ["seqconvert convert step.onnx -o step.seq --dim T=1 --dim N=1 --no-auto-state --state h_in=h_out --state c_in=c_out"]),
            ("An encoder-decoder described in JSON, its weights beside it", ["seqconvert convert g2p.json -o g2p.seq --weights int8"]),
            ("A policy without the output that samples at random", ["seqconvert convert policy.onnx -o policy.seq --drop-output action"]),
            ("The same, named by what is kept", ["seqconvert convert policy.onnx -o policy.seq --only-output s"]),
            ("A whole Keras model; the same for a stream that arrives frame by frame", ["seqconvert convert model.h5 -o model.seq", "seqconvert convert model.h5 -o stream.seq --stateful"]),
            ("A Keras architecture in JSON with its weights", ["seqconvert convert model.json --weights-file model.weights.h5 -o model.seq"]),
            ("A Keras encoder-decoder that was saved for training, as one graph", ["seqconvert convert translator.h5 -o translator.seq --no-split"]),
            ("An amplifier of Neural Amp Modeler, a pedal of GuitarML", ["seqconvert convert amp.nam -o amp.seq", "seqconvert convert pedal.json -o pedal.seq"]),
            ("A TensorFlow Lite model", ["seqconvert convert model.tflite -o model.seq"]),
            ("A decoder step whose caches grow: the runtime keeps them, up to 512 steps", ["seqconvert convert decoder.onnx -o decoder.seq --cache 512"]),
            ("Encoder and decoder step as two ONNX files", ["seqconvert convert encoder=thai2rom_encoder.onnx step=thai2rom_decoder.onnx --decoding thai2rom.json -o thai2rom.seq"]),
            ("A description whose weights lie in another folder", ["seqconvert convert model.json -o model.seq --allow-folder ../checkpoints"]),
            ("A report for a program; no report", ["seqconvert convert model.onnx -o model.seq --json", "seqconvert convert model.onnx -o model.seq --quiet"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var sources = _conversion.Sources(result);
        var target = result.GetRequiredValue(_out);
        CheckTarget(target, sources);
        var options = _conversion.Options(result) with { Target = target, Samples = Arguments.Samples(result.GetValue(_samples)), Golden = result.GetValue(_golden) };
        ConversionArguments.MustExist(sources, options);
        AtomicFile.Check(target);

        var quiet = result.GetValue(_quiet);
        var progress = new ProgressLine(stderr, quiet);
        using var conversion = progress.Run(() => Converted(sources, options, progress));
        if (quiet)
        {
            AtomicFile.Write(target, conversion.Stored.CopyTo);
            return ExitCode.Good;
        }

        using var model = conversion.Stored.Load();
        var report = ConvertReport.From(target, conversion, model);
        AtomicFile.Write(target, conversion.Stored.CopyTo);
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.ConvertReport);
        else report.Print(output);
        return ExitCode.Good;
    }

    /// <summary>Converts. A refusal of operators also names the command that shows what is in the file.</summary>
    private static ConversionResult Converted(List<(string Graph, string Path)> sources, ConversionOptions options, ProgressLine progress)
    {
        try
        {
            return MeasuredConversion.Convert(sources, options, progress);
        }
        catch (ConversionException fault) when (Cause.Of<UnsupportedException>(fault) is not null)
        {
            throw new ConversionException($"{fault.Message.TrimEnd('.')}. What is in the file, and what converts: {CommandText.Doctor(sources, options)}", fault);
        }
    }

    private static void CheckTarget(string target, List<(string Graph, string Path)> sources)
    {
        if (!Path.GetExtension(target).Equals(".seq", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named OUT.seq");
        if (Directory.Exists(target)) throw new UsageException($"-o {target}: this is a directory; give a file");
        var folder = Path.GetDirectoryName(Path.GetFullPath(target));
        if (!Directory.Exists(folder)) throw new UsageException($"-o {target}: there is no directory '{folder}'; create it first");
        foreach (var (_, path) in sources)
        {
            if (RealPath.AreSame(path, target)) throw new UsageException($"-o {target}: this would overwrite the source");
        }
    }
}
