using System.Globalization;
using System.Text;
using SeqRuntime;
using SeqRuntime.Decoding;
using static NativeAotSample.Report;

namespace NativeAotSample;

/// <summary>Converts words to American English pronunciations (ARPAbet), with the project's own model or another of its kind.</summary>
internal sealed class PronounceCommand(SeqDecoder decoder, Arguments arguments, TextWriter output, TextWriter error)
{
    private int _faults;

    /// <summary>The model beside the program.</summary>
    public static string DefaultModel => Path.Combine(AppContext.BaseDirectory, "g2p.seq");

    /// <summary>Pronounces the words of the command line, or else those of <paramref name="input"/>. After an error it continues with the next word.</summary>
    /// <returns>Exit code: 0, or 1 if a word has no pronunciation.</returns>
    public static int Run(Arguments arguments, TextReader input, TextWriter output, TextWriter error)
    {
        using var model = SeqModel.Load(arguments.Model ?? DefaultModel, new SeqModelOptions { KernelSet = arguments.Kernels });
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Math.Max(arguments.Beam, arguments.Best), MaxResults = arguments.Best });
        if (decoder.SourceTable is null) throw new ArgumentException("The model has no source table: it reads token indices, not words.");
        var command = new PronounceCommand(decoder, arguments, output, error);
        foreach (var word in arguments.Words.Count > 0 ? arguments.Words : Read(input)) command.Pronounce(word);
        return command._faults == 0 ? 0 : 1;
    }

    private static IEnumerable<string> Read(TextReader input)
    {
        while (input.ReadLine() is { } line)
        {
            foreach (var word in line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) yield return word;
        }
    }

    private void Pronounce(string word)
    {
        var letters = word.Trim().ToLowerInvariant();
        var unknown = decoder.SourceTable!.FindUnknownCharacters(letters);
        if (letters.EnumerateRunes().All(letter => unknown.Contains(letter.ToString(), StringComparison.Ordinal)))
        {
            Fault(word, letters.Length == 0 ? "there is no letter to pronounce" : $"the model knows none of its letters: {unknown}");
            return;
        }

        if (unknown.Length > 0) error.WriteLine($"'{word}': the model does not know {unknown} and guesses");
        try
        {
            decoder.Decode(letters);
        }
        catch (Exception fault) when (fault is SeqDataException or ArgumentException)
        {
            Fault(word, fault.Message);
            return;
        }

        if (arguments.Json) output.WriteLine(Json(word, unknown));
        else Write(word);
        if (arguments.Alignment is not { } picture || decoder.Results.Count == 0) return;
        var alignment = AlignmentPicture.From(decoder);
        if (!arguments.Json) output.Write(alignment.ToText());
        File.WriteAllText(picture, alignment.ToSvg(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    private void Fault(string word, string why)
    {
        _faults++;
        error.WriteLine($"'{word}': {why}");
    }

    private void Write(string word)
    {
        foreach (var result in decoder.Results)
        {
            output.WriteLine(arguments.Best == 1
                ? $"{word}\t{result.Text}"
                : string.Create(CultureInfo.InvariantCulture, $"{word}\t{result.Text}\t{result.LogProbability:F4}"));
        }
    }

    private string Json(string word, string unknown)
    {
        var best = new StringBuilder("[");
        foreach (var result in decoder.Results)
        {
            if (result.Rank > 0) best.Append(',');
            best.Append(CultureInfo.InvariantCulture, $"{{\"pronunciation\":{Quote(result.Text)},\"logProbability\":{result.LogProbability:R}}}");
        }

        return $"{{\"word\":{Quote(word)},{(unknown.Length > 0 ? $"\"unknown\":{Quote(unknown)}," : "")}\"best\":{best}]}}";
    }
}
