using System.Buffers.Binary;
using System.CommandLine;
using System.Text;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pictures;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert graph</c>: draws the graphs of a model as they run.</summary>
internal sealed class GraphCommand(TextWriter stderr)
{
    private readonly Argument<string[]> _sources = new("[GRAPH=]FILE") { Description = "A .seq file, or a model as convert takes it, which is converted in memory.", Arity = ArgumentArity.OneOrMore };
    private readonly ConversionArguments _conversion = new();
    private readonly Option<string> _out = new("--out", "-o") { Description = "The picture to write.", HelpName = "OUT.svg", Required = true };
    private readonly Option<string?> _graph = new("--graph", "-g") { Description = "Draw one graph. Without it, all are drawn, one below the other.", HelpName = "NAME" };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("graph", "Draws a model's graphs as a picture (SVG): nodes with their weights, inputs, outputs, and states as lines back. Chains of small nodes share a box, and large graphs are drawn in groups.") { _sources };
        foreach (var option in new Option[] { _out, _graph }) command.Options.Add(option);
        _conversion.AddImportTo(command);
        command.SetAction(Run);
        help.Examples(
            command,
            ("A converted file; one graph of it", ["seqconvert graph dtln.seq -o dtln.svg", "seqconvert graph dtln.seq --graph mask -o mask.svg"]),
            ("A model, with the options that its conversion needs", ["seqconvert graph silero_vad_16k_op15.onnx -o vad.svg --set sr=16000", "seqconvert graph step.onnx -o step.svg --dim T=1 --no-auto-state --state h=hn --stateful --cache 512 --drop-output a --only-output b --no-split"]),
            ("Two models as two graphs; files that lie elsewhere", ["seqconvert graph encoder=enc.onnx step=dec.onnx --decoding pair.json -o pair.svg", "seqconvert graph model.json --weights-file model.weights.h5 --allow-folder ../checkpoints -o model.svg"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var target = result.GetRequiredValue(_out);
        if (!Path.GetExtension(target).Equals(".svg", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named OUT.svg");
        var sources = Arguments.Sources(result.GetRequiredValue(_sources));
        var options = _conversion.Options(result, sources);
        ConversionArguments.MustExist(sources, options);
        AtomicFile.Check(target);
        using var model = sources is [var only] && IsSeq(only.Path) ? ModelFile.Load(only.Path) : Converted(sources, options);
        var name = result.GetValue(_graph);
        if (name is not null) _ = ModelFile.Graph(model, sources[0].Path, name);
        var picture = Encoding.UTF8.GetBytes(GraphPicture.Svg(model, name));
        AtomicFile.Write(target, stream => stream.Write(picture));
        return ExitCode.Good;
    }

    private SeqModel Converted(List<(string Graph, string Path)> sources, ConversionOptions options)
    {
        var progress = new ProgressLine(stderr, quiet: false);
        return SeqModel.Load(progress.Run(() => Conversion.Convert(sources, options, progress)).File);
    }

    private static bool IsSeq(string path)
    {
        ModelFile.MustBeRegular(path);
        using var stream = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[sizeof(ulong)];
        return stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && BinaryPrimitives.ReadUInt64LittleEndian(magic) == SeqLayout.Magic;
    }
}
