using System.CommandLine;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert decode</c>: decodes texts with an encoder-decoder, or frames of features with a CTC model or a transducer, greedily or by beam search.</summary>
internal sealed class DecodeCommand
{
    private const int MostBeam = 1000;

    private readonly Argument<string> _file = new("FILE.seq") { Description = "An encoder-decoder, a CTC model or a transducer." };
    private readonly Argument<string[]> _texts = new("TEXT") { Description = "Texts for an encoder-decoder; for a model without a source table, token numbers separated by spaces.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _from = new("--from", "-f") { Description = "Read texts from a UTF-8 file, one on each line.", HelpName = "FILE.txt" };
    private readonly Option<string[]> _input = new("--input", "-i") { Description = "Features [frames, features] for a CTC model or a transducer, from a .npy file or from each array of a .npz file. May be repeated.", HelpName = "FILE.npy" };
    private readonly Option<bool> _logits = new("--logits") { Description = "The inputs are a CTC model's logits [frames, labels] instead of features; its encoder does not run." };
    private readonly Option<string?> _blank = new("--blank") { Description = "The blank of a CTC model or a transducer, as text or number, instead of the model's own.", HelpName = "TOKEN" };
    private readonly Option<string?> _tokens = new("--tokens") { Description = "Texts of the labels, instead of the model's table: one on each line, or a JSON list or map.", HelpName = "FILE" };
    private readonly Option<int> _beam = new("--beam", "-b") { Description = "Hypotheses followed at once; 1 is greedy.", HelpName = "N", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _best = new("--best", "-n") { Description = "Results for each input, at most the width of the beam.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<float> _penalty = new("--length-penalty") { Description = "For encoder-decoders (Wu et al. 2016): 0 ranks by log probability; larger values favour longer results.", HelpName = "ALPHA" };
    private readonly Option<string?> _kernels = new("--kernels", "-k") { Description = "Kernel set to use instead of the best; 'seqconvert --info' lists them.", HelpName = "NAME" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output: tokens, scores, alignments to the source or to frames, and characters that the model does not know." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("decode", "Decodes texts or frames of features as the model's decoding description says. Prints a line with input, result and log probability for each.") { _file, _texts };
        foreach (var option in new Option[] { _from, _input, _logits, _blank, _tokens, _beam, _best, _penalty, _kernels, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One word, greedily, or the 3 best of a beam of 5", ["seqconvert decode model.seq recurrent --beam 1", "seqconvert decode model.seq recurrent --best 3"]),
            ("A file of words, longer results favoured", ["seqconvert decode model.seq --from words.txt --length-penalty 0.6"]),
            ("A recording's features through a CTC model or a transducer, with the frame of each token", ["seqconvert decode speech.seq --input features.npy --beam 8 --json"]),
            ("Logits computed elsewhere, with another table of label texts", ["seqconvert decode speech.seq --input logits.npy --logits --tokens tokens.txt --blank _"]),
            ("For a program, with alignments, on one kernel set", ["seqconvert decode model.seq recurrent --json --kernels portable"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var (beam, best) = (result.GetValue(_beam), result.GetValue(_best));
        if (beam is < 1 or > MostBeam) throw new UsageException($"--beam {beam}: give a whole number from 1 to {MostBeam}");
        if (best < 1 || best > beam) throw new UsageException($"--best {best}: give a whole number from 1 to {beam}, the width of the beam");
        var kernels = result.GetValue(_kernels);
        ModelFile.CheckKernels(kernels);
        var (texts, from, inputs) = (result.GetValue(_texts) ?? [], result.GetValue(_from), result.GetValue(_input) ?? []);
        string[] given = [.. texts.Length > 0 ? (string[])["TEXT"] : [], .. from is null ? (string[])[] : ["--from FILE.txt"], .. inputs.Length > 0 ? (string[])["--input FILE.npy"] : []];
        if (given.Length == 0) throw new UsageException("give texts, a file of them with --from FILE.txt, or features with --input FILE.npy");
        if (given.Length > 1) throw new UsageException($"{string.Join(" and ", given)} cannot be combined; give one of them");
        var isOfFrames = inputs.Length > 0;
        foreach (var option in (Option[])(isOfFrames ? [_penalty] : [_logits, _blank, _tokens]))
        {
            if (result.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name} cannot be combined with {(isOfFrames ? "--input" : "texts")}");
        }

        using var model = ModelFile.Load(path, kernels);
        var kind = Kind(model, path);
        if (isOfFrames == (kind == DecodingKeys.EncoderDecoder))
            throw new ConversionException($"{path}: the model is {(isOfFrames ? "an encoder-decoder, which takes texts" : $"of kind {kind}, which takes features: give them with --input FILE.npy")}");
        var output = result.InvocationConfiguration.Output;
        if (isOfFrames)
        {
            var choice = new FrameChoice(beam, best, result.GetValue(_logits), result.GetValue(_blank), result.GetValue(_tokens));
            var report = FrameDecoding.Run(path, model, kind, inputs, choice);
            if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.FrameReport);
            else report.Print(output);
        }
        else
        {
            if (from is not null)
            {
                texts = [.. TextFile.ReadLines(from).Where(line => !string.IsNullOrWhiteSpace(line))];
            }

            using var decoder = ModelFile.Ask(path, () => model.CreateDecoder(new SeqDecoderOptions
            {
                BeamWidth = beam,
                MaxResults = best,
                LengthPenalty = result.GetValue(_penalty),
                MaxSourceLength = texts.Select(text => text.Length).Append(0).Max() + 2, // two more for begin and end
                WorkLimit = WorkLimit.Chosen,
            }));
            var json = result.GetValue(_json);
            var decoded = texts.Select(text =>
            {
                var found = DecodedText.Of(decoder, text, withAlignment: json);
                found.Warn(result.InvocationConfiguration.Error);
                return found;
            });
            if (json)
            {
                JsonReports.Write(output, new DecodeReport(path, model.KernelSet, [.. decoded]), JsonReports.Default.DecodeReport);
                return ExitCode.Good;
            }

            foreach (var text in decoded) text.Print(output);
        }

        return ExitCode.Good;
    }

    private static string Kind(SeqModel model, string path) => model.Metadata.GetValueOrDefault(DecodingKeys.Kind) ?? throw new ConversionException(
        $"{path}: the model does not say how it is decoded. Convert it again with --decoding FILE.json, which says what its graphs and values are (docs/description.md); for CTC with one graph of one input and one output this does: {{\"decoding\": {{\"kind\": \"{DecodingKeys.Ctc}\", \"blank\": 0}}}}");
}
