using System.CommandLine;
using System.Globalization;
using SeqRuntime.Decoding;
using SeqRuntime.Kernels;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert decode</c>: texts through an encoder-decoder, greedily or by beam search.</summary>
internal sealed class DecodeCommand
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "An encoder-decoder." };
    private readonly Argument<string[]> _texts = new("TEXT") { Description = "What to decode; for a model without a source table, token numbers with spaces between them.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _from = new("--from", "-f") { Description = "Texts from a file, one a line.", HelpName = "FILE.txt" };
    private readonly Option<int> _beam = new("--beam", "-b") { Description = "Hypotheses followed at once; 1 is greedy.", HelpName = "N", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _best = new("--best", "-n") { Description = "Results for each text, at most as many as the beam is wide.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<float> _penalty = new("--length-penalty") { Description = "Wu et al. 2016: 0 ranks by log probability, more favours longer results.", HelpName = "ALPHA" };
    private readonly Option<string?> _kernels = new("--kernels", "-k") { Description = "Kernel set to use instead of the best; 'seqconvert --info' lists them.", HelpName = "NAME" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output, alignments in it." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("decode", "Decodes texts with an encoder-decoder: text, result and log probability, a line each.") { _file, _texts };
        foreach (var option in new Option[] { _from, _beam, _best, _penalty, _kernels, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One word, greedily, or the 3 best of a beam of 5", ["seqconvert decode model.seq recurrent --beam 1", "seqconvert decode model.seq recurrent --best 3"]),
            ("A file of words, longer results favoured", ["seqconvert decode model.seq --from words.txt --length-penalty 0.6"]),
            ("For a program, with alignments, on one kernel set", ["seqconvert decode model.seq recurrent --json --kernels portable"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var (beam, best) = (result.GetValue(_beam), result.GetValue(_best));
        if (beam is < 1 or > 1000) throw new UsageException($"--beam {beam}: a whole number from 1 to 1000 is needed");
        if (best < 1 || best > beam) throw new UsageException($"--best {best}: a whole number from 1 to {beam}, the width of the beam, is needed");
        var kernels = result.GetValue(_kernels);
        if (kernels is not null && !KernelRegistry.Built.Contains(kernels))
            throw new UsageException($"--kernels {kernels}: there is no such kernel set; one of {string.Join(", ", KernelRegistry.Built)}");
        var texts = result.GetValue(_texts) ?? [];
        if (result.GetValue(_from) is null == (texts.Length == 0)) throw new UsageException("give texts, or a file of them with --from FILE.txt");

        using var model = ModelFile.Load(path, kernels);
        if (result.GetValue(_from) is { } from)
        {
            ModelFile.MustExist(from);
            texts = [.. File.ReadLines(from).Where(line => !string.IsNullOrWhiteSpace(line))];
        }

        var kind = model.Metadata.GetValueOrDefault(DecodingKeys.Kind, "of no kind that is decoded");
        if (kind != DecodingKeys.EncoderDecoder) throw new ConversionException($"{path}: the model is {kind}; encoder-decoders take texts. Convert it with --decoding FILE.json, which says what its graphs are.");
        using var decoder = model.CreateDecoder(new SeqDecoderOptions
        {
            BeamWidth = beam,
            BestCount = best,
            LengthPenalty = result.GetValue(_penalty),
            MaxSourceLength = texts.Select(text => text.Length).Append(0).Max() + 2, // and begin and end
        });
        var report = new DecodeReport(path, model.KernelPath, [.. texts.Select(text => DecodedText.Of(decoder, text, result.GetValue(_json)))]);
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.DecodeReport);
        else report.Print(output);
        return ExitCode.Good;
    }
}

/// <summary>What <c>decode</c> prints.</summary>
internal sealed record DecodeReport(string File, string Kernels, IReadOnlyList<DecodedText> Texts)
{
    public void Print(TextWriter output)
    {
        foreach (var text in Texts)
        {
            foreach (var best in text.Best)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{text.Text}\t{best.Text ?? string.Join(' ', best.Tokens)}\t{best.LogProbability:F4}"));
        }
    }
}

/// <summary>A text and its results, best first.</summary>
internal sealed record DecodedText(string Text, IReadOnlyList<DecodedResult> Best)
{
    /// <exception cref="ConversionException">The text cannot be the model's source; the message says why.</exception>
    public static DecodedText Of(SeqDecoder decoder, string text, bool withAlignment)
    {
        try
        {
            var found = decoder.SourceTable is null ? decoder.Decode(Numbers(text)) : decoder.Decode(text);
            return new DecodedText(text, [.. Enumerable.Range(0, found).Select(rank => DecodedResult.Of(decoder, rank, withAlignment))]);
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException($"'{text}': {fault.Message}", fault);
        }
    }

    private static int[] Numbers(string text) => Array.ConvertAll(
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
        word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var token) ? token : throw new ArgumentException($"The model has no source table, and '{word}' is no token number."));
}

/// <summary>A result: its text where the model has a target table; a row of weights over the source for each token, the end among them.</summary>
internal sealed record DecodedResult(string? Text, int[] Tokens, float LogProbability, float Score, bool IsComplete, float[][]? Alignment)
{
    public static DecodedResult Of(SeqDecoder decoder, int rank, bool withAlignment) => new(
        decoder.TargetTable is null ? null : decoder.Text(rank),
        decoder.Tokens(rank).ToArray(),
        decoder.LogProbability(rank),
        decoder.Score(rank),
        decoder.IsComplete(rank),
        withAlignment && decoder.AlignmentCount(rank) > 0 ? [.. Enumerable.Range(0, decoder.AlignmentCount(rank)).Select(step => decoder.Alignment(rank, step).ToArray())] : null);
}
