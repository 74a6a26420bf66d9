using System.CommandLine;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert decode</c>: decodes texts with an encoder-decoder, goes on with prompts by a language model, or decodes frames of features with a CTC model or a transducer.</summary>
internal sealed class DecodeCommand
{
    private const int MostBeam = 1000;
    private const int UsualBeam = 5;
    private const int MostBatch = 1000;

    private readonly Argument<string> _file = new("FILE.seq") { Description = "An encoder-decoder, a language model, a CTC model or a transducer." };
    private readonly Argument<string[]> _texts = new("TEXT") { Description = "Texts for an encoder-decoder, prompts for a language model; for a model without a table of tokens, token numbers separated by spaces.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _from = new("--from", "-f") { Description = "Read texts from a UTF-8 file, one on each line.", HelpName = "FILE.txt" };
    private readonly Option<string[]> _input = new("--input", "-i") { Description = "Features [frames, features] for a CTC model or a transducer, from a .npy file or from each array of a .npz file. May be repeated.", HelpName = "FILE.npy" };
    private readonly Option<bool> _logits = new("--logits") { Description = "The inputs are a CTC model's logits [frames, labels] instead of features; its encoder does not run." };
    private readonly Option<string?> _blank = new("--blank") { Description = "The blank of a CTC model or a transducer, as text or number, instead of the model's own.", HelpName = "TOKEN" };
    private readonly Option<string?> _tokens = new("--tokens") { Description = "Texts of the labels, instead of the model's table: one on each line, or a JSON list or map.", HelpName = "FILE" };
    private readonly Option<int> _beam = new("--beam", "-b") { Description = "Hypotheses followed at once; 1 is greedy, and what language models and --temperature do unless --best asks for more.", HelpName = "N", DefaultValueFactory = _ => UsualBeam };
    private readonly Option<int> _best = new("--best", "-n") { Description = "Results for each input, at most the width of the beam.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _batch = new("--batch") { Description = "Texts that an encoder-decoder decodes at once, with the same results.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<float> _penalty = new("--length-penalty") { Description = "For encoder-decoders and language models (Wu et al. 2016): 0 ranks by log probability; larger values favour longer results.", HelpName = "ALPHA" };
    private readonly Option<int?> _max = new("--max-tokens") { Description = "Most tokens of a result, for encoder-decoders and language models, instead of the model's own number.", HelpName = "N" };
    private readonly Option<float?> _temperature = new("--temperature", "-t") { Description = "Draw tokens at random, for encoder-decoders and language models: below 1, likely tokens become more likely; 0 takes the best token.", HelpName = "T" };
    private readonly Option<int?> _topK = new("--top-k") { Description = "Draw only from this many most likely tokens.", HelpName = "K" };
    private readonly Option<float?> _topP = new("--top-p") { Description = "Draw only from the most likely tokens whose probabilities reach this sum.", HelpName = "P" };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Seed of drawing; the same seed gives the same tokens. 0 if omitted.", HelpName = "SEED" };
    private readonly Option<string?> _kernels = new("--kernels", "-k") { Description = "Kernel set to use instead of the best; 'seqconvert --info' lists them.", HelpName = "NAME" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output: tokens, scores, alignments to the source or to frames, and characters that the model does not know." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("decode", "Decodes texts or frames of features, or goes on with prompts, as the model's decoding description says. Prints a line with input, result and log probability for each.") { _file, _texts };
        foreach (var option in new Option[] { _from, _input, _logits, _blank, _tokens, _beam, _best, _batch, _penalty, _max, _temperature, _topK, _topP, _seed, _kernels, _json }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("One word, greedily, or the 3 best of a beam of 5", ["seqconvert decode model.seq recurrent --beam 1", "seqconvert decode model.seq recurrent --best 3"]),
            ("A file of words, 32 at once, longer results favoured", ["seqconvert decode model.seq --from words.txt --batch 32 --length-penalty 0.6"]),
            ("A language model goes on with a prompt, with the best tokens, or with tokens drawn at random", ["seqconvert decode text.seq \"The \" --max-tokens 100", "seqconvert decode text.seq \"The \" --temperature 0.8 --top-k 20 --top-p 0.9 --seed 1"]),
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
        var sampling = Sampling(result, best);
        if (best < 1 || best > beam) throw new UsageException($"--best {best}: give a whole number from 1 to {beam}, the width of the beam");
        var batch = result.GetValue(_batch);
        if (batch is < 1 or > MostBatch) throw new UsageException($"--batch {batch}: give a whole number from 1 to {MostBatch}");
        var kernels = result.GetValue(_kernels);
        ModelFile.CheckKernels(kernels);
        var (texts, from, inputs) = (result.GetValue(_texts) ?? [], result.GetValue(_from), result.GetValue(_input) ?? []);
        string[] given = [.. texts.Length > 0 ? (string[])["TEXT"] : [], .. from is null ? (string[])[] : ["--from FILE.txt"], .. inputs.Length > 0 ? (string[])["--input FILE.npy"] : []];
        if (given.Length == 0) throw new UsageException("give texts, a file of them with --from FILE.txt, or features with --input FILE.npy");
        if (given.Length > 1) throw new UsageException($"{string.Join(" and ", given)} cannot be combined; give one of them");
        var isOfFrames = inputs.Length > 0;
        foreach (var option in (Option[])(isOfFrames ? [_batch, _penalty, _max, _temperature, _topK, _topP, _seed] : [_logits, _blank, _tokens]))
        {
            if (result.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name} cannot be combined with {(isOfFrames ? "--input" : "texts")}");
        }

        using var model = ModelFile.Load(path, kernels);
        var kind = Kind(model, path);
        if (isOfFrames == (kind is DecodingKeys.EncoderDecoder or DecodingKeys.LanguageModel))
            throw new ConversionException($"{path}: the model is {(isOfFrames ? kind == DecodingKeys.LanguageModel ? "a language model, which takes prompts" : "an encoder-decoder, which takes texts" : $"of kind {kind}, which takes features: give them with --input FILE.npy")}");
        if (batch > 1 && kind == DecodingKeys.LanguageModel) throw new UsageException("--batch is for encoder-decoders; a language model goes on with one prompt after the other");
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

            var isGiven = result.GetResult(_beam) is { Implicit: false };
            var options = new SeqDecoderOptions
            {
                BeamWidth = !isGiven && best == 1 && (result.GetValue(_temperature) is not null || sampling is not null || kind == DecodingKeys.LanguageModel) ? 1 : beam,
                MaxResults = best,
                BatchSize = Math.Clamp(texts.Length, 1, batch),
                LengthPenalty = result.GetValue(_penalty),
                MaxSourceLength = texts.Select(text => text.Length).Append(0).Max() + 2, // two more for begin and end
                MaxTokens = result.GetValue(_max),
                Sampling = sampling,
                WorkLimit = WorkLimit.Chosen,
            };
            using var decoder = ModelFile.Ask(path, () => kind == DecodingKeys.LanguageModel ? TextDecoder.Of(model.CreateGenerator(options)) : TextDecoder.Of(model.CreateDecoder(options)));
            var json = result.GetValue(_json);
            var decoded = texts.Chunk(batch).SelectMany(some => DecodedText.Of(decoder, some, withAlignment: json)).Select(found =>
            {
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

    /// <summary>How tokens are drawn; null to take the best.</summary>
    private SamplingOptions? Sampling(ParseResult result, int best)
    {
        var (temperature, topK, topP, seed, max) = (result.GetValue(_temperature), result.GetValue(_topK), result.GetValue(_topP), result.GetValue(_seed), result.GetValue(_max));
        if (max is < 1) throw new UsageException($"--max-tokens {max}: give a whole number above 0");
        if (temperature is { } t && !(t >= 0 && float.IsFinite(t))) throw new UsageException($"--temperature {Text.Number(t)}: give a number of at least 0");
        if (topK is < 1) throw new UsageException($"--top-k {topK}: give a whole number above 0");
        if (topP is { } p && !(p > 0 && p <= 1)) throw new UsageException($"--top-p {Text.Number(p)}: give a number above 0 and at most 1");
        var (isDrawing, beam) = (topK is not null || topP is not null || seed is not null, result.GetValue(_beam));
        if (temperature == 0 && isDrawing) throw new UsageException("--temperature 0 takes the best token, so --top-k, --top-p and --seed have no effect; give a temperature above 0, or remove them");
        if (temperature is null or 0 && !isDrawing) return null;
        if (best > 1) throw new UsageException($"--best {best} cannot be combined with drawing tokens, which gives one result; give several seeds, one a call");
        if (result.GetResult(_beam) is { Implicit: false } && beam != 1) throw new UsageException($"--beam {beam} cannot be combined with drawing tokens; remove one of them");
        return new SamplingOptions { Temperature = temperature ?? 1, TopK = topK ?? 0, TopP = topP ?? 1, Seed = seed ?? 0 };
    }

    private static string Kind(SeqModel model, string path) => model.Metadata.GetValueOrDefault(DecodingKeys.Kind) ?? throw new ConversionException(
        $"{path}: the model does not say how it is decoded. Convert it again with --decoding FILE.json, which says what its graphs and values are (docs/description.md); for CTC with one graph of one input and one output this does: {{\"decoding\": {{\"kind\": \"{DecodingKeys.Ctc}\", \"blank\": 0}}}}");
}
