using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf first-frames</c>: the time of a model's first frames under the JIT, beside that of later ones.</summary>
internal sealed class FirstFramesCommand
{
    private const double AtMost = 1.3;

    private readonly Argument<string[]> _models = new("MODEL …") { Description = "ONNX or .seq files. Without any: the real models.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _sizes = new("--size") { Description = "Size of a symbolic dimension; the others are 1.", HelpName = "NAME=N", AllowMultipleArgumentsPerToken = true };
    private readonly Option<bool> _here = new("--here") { Description = "Measure one .seq file in this process and print three numbers, in microseconds. The command starts itself so for each model." };

    public Command Build()
    {
        var command = new Command("first-frames", $"Measures the first frame of a model, the median of frames 2 to 100, and the later median, each model in a new process. Fails if the ratio of the medians exceeds {AtMost.ToString(CultureInfo.InvariantCulture)}.") { _models, _sizes, _here };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var given = result.GetValue(_models)!;
        var sizes = Sizes(result.GetValue(_sizes)!);
        if (result.GetValue(_here))
        {
            if (given is not [var file]) throw new UsageException("--here needs one .seq file");
            output.WriteLine(FirstFrames.Here(file, sizes).Print());
            return ExitCode.Good;
        }

        var models = given.Length > 0 ? [.. given.Select(path => new StartModel(path, path, [], sizes))] : StartModel.Real(Places.Models() ?? throw new UsageException("the real models were not found; set the environment variable SEQRUNTIME_MODELS to their folder, or name files"));
        output.WriteLine(Machine.Here());
        output.WriteLine();
        output.WriteLine("| model | weights | frame 1, µs | median of frames 2 to 100, µs | later median, µs | ratio |");
        output.WriteLine("|---|---|---:|---:|---:|---:|");
        var worst = 0.0;
        foreach (var model in models)
        {
            foreach (var storage in model.Storages)
            {
                var frames = model.Measure(storage);
                worst = Math.Max(worst, frames.Ratio);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {model.Name} | {storage?.Name ?? "as stored"} | {frames.First:F0} | {frames.Early:F2} | {frames.Later:F2} | **{frames.Ratio:F2}** |"));
            }
        }

        return worst <= AtMost ? ExitCode.Good : ExitCode.Failed;
    }

    private static Dictionary<string, int> Sizes(string[] given) => given.ToDictionary(
        size => size.Split('=')[0],
        size => size.Split('=') is [_, var text] && int.TryParse(text, CultureInfo.InvariantCulture, out var n) && n > 0 ? n : throw new UsageException($"--size {size}: give NAME=N"));
}

/// <summary>A model whose first frames are measured.</summary>
/// <param name="Name">Name in the table.</param>
/// <param name="Path">ONNX or .seq file.</param>
/// <param name="Sets">Inputs that become constants.</param>
/// <param name="Sizes">Sizes of symbolic dimensions.</param>
internal sealed record StartModel(string Name, string Path, (string Name, string Value)[] Sets, IReadOnlyDictionary<string, int> Sizes)
{
    private bool IsSeq => Path.EndsWith(".seq", StringComparison.OrdinalIgnoreCase);

    /// <summary>How its weights are stored; null as they are.</summary>
    public IEnumerable<Storage?> Storages => IsSeq ? [null] : Storage.All.Where(storage => storage.Name != "int4").Cast<Storage?>();

    /// <summary>ONNX models of other authors.</summary>
    public static StartModel[] Real(string folder)
    {
        StartModel Of(string path, string set = "", params (string Name, int Size)[] sizes) =>
            new(path, System.IO.Path.Combine(folder, path), set.Length == 0 ? [] : [(set.Split('=')[0], set.Split('=')[1])], sizes.ToDictionary(s => s.Name, s => s.Size));
        return
        [
            Of("dtln/model_1.onnx"),
            Of("dtln/model_2.onnx"),
            Of("silero-vad/silero_vad_16k_op15.onnx", "sr=16000", ("sequence", 576)),
            Of("gtcrn/gtcrn_simple.onnx"),
            Of("aircraft-rul/lstm_model.onnx"),
            Of("stressrnn/model.onnx"),
            Of("quant-sentinel/lstm.onnx"),
            Of("quant-sentinel/attention.onnx"),
            Of("thai2rom/thai2rom_encoder.onnx", "", ("seq_len", 10)),
            Of("thai2rom/thai2rom_decoder.onnx", "", ("seq_len", 10)),
        ];
    }

    public FirstFrames Measure(Storage? storage)
    {
        if (storage is null) return FirstFrames.InNewProcess(Path, Sizes);
        var file = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"seqruntime-perf-{Guid.NewGuid():N}.seq");
        try
        {
            File.WriteAllBytes(file, Ours.Convert(File.ReadAllBytes(Path), new ConversionOptions { Weights = storage.Kind, Sets = Sets.ToDictionary(s => s.Name, s => s.Value) }).File);
            return FirstFrames.InNewProcess(file, Sizes);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
