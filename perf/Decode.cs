using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Decoding;

namespace SeqRuntime.Perf;

/// <summary>Words a second of an attention encoder-decoder beside ONNX Runtime running the same two graphs, as ratios from one paired run.</summary>
internal static class Decode
{
    public static int Run(string[] arguments)
    {
        var pairs = arguments is ["--pairs", var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 30;
        if (Cases.Models() is not { } models)
        {
            Console.Error.WriteLine("perf decode: the real models were not found; set the environment variable SEQRUNTIME_MODELS.");
            return 1;
        }

        string File(string name) => Path.Combine(models, "thai2rom", name);
        var description = Path.Combine("docs", "examples", "thai2rom.json");
        if (!System.IO.File.Exists(description))
        {
            Console.Error.WriteLine($"perf decode: {description} was not found; run it from the repository's root.");
            return 1;
        }

        SeqModel Model(WeightKind weights) => SeqModel.Load(SeqRuntime.Converter.Converter.Convert(
            [("encoder", File("thai2rom_encoder.onnx")), ("step", File("thai2rom_decoder.onnx"))], new ConversionOptions { Weights = weights, Decoding = description }).File);
        using var fp32 = Model(WeightKind.Float32);
        using var int8 = Model(WeightKind.Int8);
        string[] words = [.. System.IO.File.ReadLines(File("expected-greedy.tsv")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('\t')[0])];
        Console.WriteLine($"thai2rom, {words.Length} words, one thread; both from C#, in turn, {pairs} pairs of blocks.");
        Console.WriteLine();
        Console.WriteLine("| search | ONNX Runtime fp32 | ours fp32 | ratio | ours int8 | ratio | managed bytes for all words |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|---:|");
        foreach (var beam in (int[])[1, 5])
        {
            using var theirs = new OrtDecoder(File("thai2rom_encoder.onnx"), File("thai2rom_decoder.onnx"), beam);
            using var ours = fp32.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam });
            using var small = int8.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam });
            var sources = Array.ConvertAll(words, word =>
            {
                ours.Decode(word);
                return ours.Source.ToArray();
            });
            for (var i = 0; i < words.Length; i++)
            {
                ours.Decode(words[i]);
                var (tokens, score) = theirs.Decode(sources[i]);
                if (!ours.Tokens(0).SequenceEqual(tokens.ToArray()) || Math.Abs(score - ours.LogProbability(0)) > 1e-3) Console.Error.WriteLine($"perf decode: '{words[i]}' differs: {score} and {ours.LogProbability(0)}");
            }

            void Theirs()
            {
                foreach (var source in sources) theirs.Decode(source);
            }

            Paired Measure(SeqDecoder decoder) => PairedTimer.Measure(
                () =>
                {
                    foreach (var word in words) decoder.Decode(word);
                },
                Theirs,
                pairs);
            var (a, b) = (Measure(ours), Measure(small));
            string Speed(double microseconds) => (words.Length / microseconds * 1e6).ToString("N0", CultureInfo.InvariantCulture) + " words/s";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {(beam == 1 ? "greedy" : $"beam {beam}")} | {Speed(a.TheirsMicroseconds)} | {Speed(a.OursMicroseconds)} | **{a.Ratio:F2}** | {Speed(b.OursMicroseconds)} | **{b.Ratio:F2}** | {Math.Max(a.OursBytes, b.OursBytes)} |"));
        }

        return 0;
    }
}
