using System.Globalization;

namespace NativeAotSample;

/// <summary>Wrong usage: exit code 2.</summary>
internal sealed class UsageException(string message) : Exception($"{message}\n\n{Arguments.Usage}");

/// <summary>The command line, parsed by hand, because a library would add more to the binary than the whole runtime.</summary>
internal sealed class Arguments
{
    public const string Usage = """
        Usage:
          NativeAotSample [pronounce] [WORD …] [--beam 5] [--best 1] [--alignment align.svg] [--json] [--model g2p.seq] [--kernels NAME]
              Writes how words are pronounced in American English (ARPAbet); without words, those of standard input.
              --best N       the N best, with their log probabilities; --beam N: hypotheses to follow (1: greedy)
              --alignment    draws which letters the last word's phonemes came from, as SVG and in the terminal
          NativeAotSample denoise --model dtln.seq noisy.wav clean.wav [--align] [--json] [--kernels NAME]
              Removes noise from speech with DTLN. Any sample rate and channel count; the output keeps both, and the sample format.
              --align   cuts the 24 ms that the real-time form delays, and loses nothing at either end
          NativeAotSample vad --model vad.seq speech.wav [--threshold 0.5] [--json] [--kernels NAME]
              Finds speech with Silero VAD and prints the segments in seconds. Channels are mixed to one.
          NativeAotSample --verify model.seq [--json] [--kernels NAME]
              Compares the bits that this machine computes with those recorded in a model (seqconvert convert --golden).
          NativeAotSample --info
              Kernel sets: built, runnable, chosen; instruction sets seen.

        --json prints one JSON object (pronounce: one a word, a line each); --kernels forces a kernel set by the name that --info prints.
        Exit code: 0 done, 1 a file or word is at fault, 2 wrong usage.
        """;

    private readonly List<string> _files = [];

    public Arguments(string[] args)
    {
        var command = args.FirstOrDefault() switch
        {
            "--info" => "info",
            "--verify" => "verify",
            "--help" or "-h" or "-?" => "help",
            "pronounce" or "denoise" or "vad" or "info" or "help" => args[0],
            _ => null, // the words to pronounce start here
        };
        Command = command ?? "pronounce";
        for (var i = command is null ? 0 : 1; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--model": Model = Value(args, ref i); break;
                case "--kernels": Kernels = Value(args, ref i); break;
                case "--threshold": Threshold = Probability(Value(args, ref i)); break;
                case "--beam": Beam = Count(args[i], Value(args, ref i)); break;
                case "--best": Best = Count(args[i], Value(args, ref i)); break;
                case "--alignment": Alignment = Value(args, ref i); break;
                case "--json": Json = true; break;
                case "--align": Align = true; break;
                case "--help" or "-h": Command = "help"; break;
                case ['-', _, ..]: throw new UsageException($"unknown option '{args[i]}'");
                default: _files.Add(args[i]); break;
            }
        }
    }

    public string Command { get; }

    public string? Model { get; }

    public string? Kernels { get; }

    public bool Json { get; }

    public bool Align { get; }

    /// <summary>The number of hypotheses of beam search.</summary>
    public int Beam { get; } = 5;

    /// <summary>Results for each word.</summary>
    public int Best { get; } = 1;

    /// <summary>The file for the picture of the attention.</summary>
    public string? Alignment { get; }

    /// <summary>Arguments that are not options.</summary>
    public IReadOnlyList<string> Words => _files;

    /// <summary>The probability from which a frame is speech.</summary>
    public float Threshold { get; } = 0.5f;

    /// <summary>The model. It is required.</summary>
    public string RequiredModel => Model ?? throw new UsageException($"{Command} needs --model file.seq");

    /// <summary>The files. All of these are required and no others allowed.</summary>
    public string[] Files(params ReadOnlySpan<string> names)
    {
        if (_files.Count == names.Length) return [.. _files];
        throw new UsageException($"{Command} needs {string.Join(" and ", names.ToArray())}; {_files.Count} file names were given");
    }

    private static string Value(string[] args, ref int i) =>
        i + 1 < args.Length ? args[++i] : throw new UsageException($"{args[i]} needs a value");

    private static int Count(string option, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is > 0 and <= 1000
            ? value
            : throw new UsageException($"{option} needs a whole number from 1 to 1000; got '{text}'");

    private static float Probability(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is > 0 and < 1
            ? value
            : throw new UsageException($"--threshold needs a number between 0 and 1; got '{text}'");
}
