using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Decoding;
using SeqRuntime.Training.Data;
using SeqRuntime.Training.Evaluation;
using Spectre.Console;

namespace SeqRuntime.Training.Commands;

/// <summary><c>evaluate</c>: word and phoneme error rates of <c>.seq</c> models on the test words, greedy and with a beam of 5.</summary>
internal static class EvaluateCommand
{
    private static readonly Argument<FileInfo[]> s_models = new("model.seq") { Description = "Grapheme-to-phoneme models.", Arity = ArgumentArity.OneOrMore };

    public static Command Create()
    {
        var command = new Command("evaluate", "Score models on the test words, which are never trained on.") { s_models, Dictionary.Option };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult arguments)
    {
        var words = Dictionary.Read(arguments).Test;
        var table = new Table().AddColumns("model", "weights", "search", "words", "WER", "PER", "WER without stress", "PER without stress", "words/s").Border(TableBorder.Markdown);
        foreach (var file in arguments.GetRequiredValue(s_models))
        {
            using var model = SeqModel.Load(file.FullName);
            foreach (var beam in (ReadOnlySpan<int>)[1, 5])
            {
                using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam });
                var (stressed, plain, seconds) = Score(decoder, words);
                table.AddRow(
                    Path.GetFileNameWithoutExtension(file.Name),
                    model.Metadata.GetValueOrDefault("weights", ""),
                    beam == 1 ? "greedy" : $"beam {beam}",
                    words.Count.ToString(CultureInfo.InvariantCulture),
                    Percent(stressed.Word),
                    Percent(stressed.Phoneme),
                    Percent(plain.Word),
                    Percent(plain.Phoneme),
                    (words.Count / seconds).ToString("F0", CultureInfo.InvariantCulture));
            }
        }

        AnsiConsole.Profile.Width = 160;
        AnsiConsole.Write(table);
        return ExitCode.Good;
    }

    private static (ErrorRates Stressed, ErrorRates Plain, double Seconds) Score(SeqDecoder decoder, IReadOnlyList<Word> words)
    {
        var (stressed, plain) = (new ErrorRates(), new ErrorRates());
        var ticks = 0L;
        foreach (var word in words)
        {
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            decoder.Decode(word.Text);
            ticks += System.Diagnostics.Stopwatch.GetTimestamp() - start;
            string[] answer = [.. decoder.Results[0].Tokens.ToArray().Select(token => decoder.TargetTable![token])];
            stressed.Add(answer, word.Pronunciations);
            plain.Add([.. answer.Select(ErrorRates.WithoutStress)], word.Pronunciations.Select(p => p.Select(ErrorRates.WithoutStress).ToArray()));
        }

        return (stressed, plain, ticks / (double)System.Diagnostics.Stopwatch.Frequency);
    }

    private static string Percent(double share) => share.ToString("P2", CultureInfo.InvariantCulture);
}
