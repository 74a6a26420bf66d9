using System.Globalization;
using System.Text;
using SeqRuntime;
using SeqRuntime.Decoding;

namespace NativeAotSample;

/// <summary>Words to their pronunciations in American English (ARPAbet), with the project's own model or another of its kind.</summary>
internal static class PronounceCommand
{
    /// <summary>The model that lies beside the program.</summary>
    public static string DefaultModel => Path.Combine(AppContext.BaseDirectory, "g2p.seq");

    public static void Run(Arguments arguments)
    {
        using var model = SeqModel.Load(arguments.Model ?? DefaultModel, new SeqModelOptions { KernelPath = arguments.Kernels });
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Math.Max(arguments.Beam, arguments.Best), BestCount = arguments.Best });
        if (arguments.Words.Count > 0)
        {
            foreach (var word in arguments.Words) Pronounce(decoder, word, arguments);
            return;
        }

        if (!Console.IsInputRedirected) Console.Error.WriteLine("One word a line; Ctrl+D ends.");
        while (Console.ReadLine() is { } line)
        {
            foreach (var word in line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) Pronounce(decoder, word, arguments);
        }
    }

    private static void Pronounce(SeqDecoder decoder, string word, Arguments arguments)
    {
        var found = decoder.Decode(word.ToLowerInvariant());
        for (var rank = 0; rank < found; rank++)
        {
            Console.WriteLine(arguments.Best == 1
                ? $"{word}\t{decoder.Text(rank)}"
                : string.Create(CultureInfo.InvariantCulture, $"{word}\t{decoder.Text(rank)}\t{decoder.LogProbability(rank):F4}"));
        }

        if (arguments.Alignment is not { } picture || found == 0) return;
        var alignment = AlignmentPicture.From(decoder);
        Console.Write(alignment.ToText());
        File.WriteAllText(picture, alignment.ToSvg(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }
}
