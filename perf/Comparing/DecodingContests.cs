using SeqRuntime.Converter;
using SeqRuntime.Decoding;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Compares words for each second of encoder-decoders with ONNX Runtime running the same two graphs. Both must give the same words.</summary>
internal static class DecodingContests
{
    public static IEnumerable<Contest> All(string models)
    {
        var thai = Path.Combine(models, "thai2rom");
        var english = Path.Combine(models, "g2p_en");
        yield return Make("g2p", "g2p_en, greedy", 1, english, () => OrtDecoderGraphs.G2pEn(english), storage => English(english, storage), Bars.Words);
        yield return Make("thai2rom", "thai2rom, greedy", 1, thai, () => OrtDecoderGraphs.Thai2rom(thai), storage => Thai(thai, storage), null);
        yield return Make("thai2rom-beam5", "thai2rom, beam 5", 5, thai, () => OrtDecoderGraphs.Thai2rom(thai), storage => Thai(thai, storage), null);
    }

    private static Contest Make(string id, string size, int width, string folder, Func<OrtDecoderGraphs> graphs, Func<Storage, byte[]> convert, Bar? bar)
    {
        string[] words = [.. File.ReadLines(Path.Combine(folder, "expected-greedy.tsv")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('\t')[0])];
        var contenders = new Dictionary<string, Func<Runner>>
        {
            ["ort"] = () => StartOrt(words, width, graphs(), convert(Storage.Find("fp32")!)),
        };
        var rows = new List<RowPlan>();
        foreach (var storage in Storage.All)
        {
            contenders[storage.Name] = () =>
            {
                var model = Ours.Load(convert(storage));
                var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = width });
                return new Runner(
                    () =>
                    {
                        foreach (var word in words) decoder.Decode(word);
                    },
                    decoder,
                    model);
            };
            rows.Add(new RowPlan($"{storage.Name}-ort", $"Words decoded, {storage.Name}", storage.Name, "ort", "ONNX Runtime fp32", bar));
        }

        return new Contest($"words/{id}", size, contenders, rows) { Units = words.Length };
    }

    /// <summary>ONNX Runtime's side, after checking that it gives the same words as ours in fp32.</summary>
    private static Runner StartOrt(string[] words, int width, OrtDecoderGraphs graphs, byte[] file)
    {
        using var model = Ours.Load(file);
        using var ours = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = width });
        var theirs = new OrtDecoder(graphs, width);
        var sources = Array.ConvertAll(words, word =>
        {
            var best = ours.Decode(word)[0];
            var source = ours.SourceTokens.ToArray();
            var (tokens, score) = theirs.Decode(source);
            if (!best.Tokens.SequenceEqual(tokens.ToArray()) || Math.Abs(score - best.LogProbability) > 1e-3)
                throw new InvalidDataException($"'{word}' gives different tokens: {string.Join(' ', tokens)} ({score}) and {string.Join(' ', best.Tokens.ToArray())} ({best.LogProbability})");
            return source;
        });
        return new Runner(
            () =>
            {
                foreach (var source in sources) theirs.Decode(source);
            },
            theirs);
    }

    private static byte[] Thai(string folder, Storage storage) => SeqRuntime.Converter.Pipeline.Conversion.Convert(
        [("encoder", Path.Combine(folder, "thai2rom_encoder.onnx")), ("step", Path.Combine(folder, "thai2rom_decoder.onnx"))],
        new ConversionOptions { Weights = storage.Kind, Decoding = Example("thai2rom.json") }).File;

    /// <summary>The description is placed beside its weights during the conversion.</summary>
    private static byte[] English(string folder, Storage storage)
    {
        var place = Directory.CreateTempSubdirectory("seqruntime-perf");
        try
        {
            var path = Path.Combine(place.FullName, "g2p_en.json");
            File.Copy(Example("g2p_en.json"), path);
            File.Copy(Path.Combine(folder, "checkpoint20.npz"), Path.Combine(place.FullName, "checkpoint20.npz"));
            return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions { Weights = storage.Kind }).File;
        }
        finally
        {
            place.Delete(true);
        }
    }

    private static string Example(string name) => Places.Find(Path.Combine("docs", "examples", name));
}
