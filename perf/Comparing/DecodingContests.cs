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
        yield return MakeBatches("g2p-batches", "g2p_en, batches of 32", english);
        yield return Make("thai2rom", "thai2rom, greedy", 1, thai, () => OrtDecoderGraphs.Thai2rom(thai), storage => Thai(thai, storage), null);
        yield return Make("thai2rom-beam5", "thai2rom, beam 5", 5, thai, () => OrtDecoderGraphs.Thai2rom(thai), storage => Thai(thai, storage), null);
    }

    private static Contest Make(string id, string size, int width, string folder, Func<OrtDecoderGraphs> graphs, Func<Storage, byte[]> convert, Bar? bar)
    {
        var words = Words(folder);
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

    /// <summary>The words of g2p_en in batches, against ONNX Runtime in the same batches.</summary>
    private static Contest MakeBatches(string id, string size, string folder)
    {
        const int most = 32;
        string[][] batches = [.. Words(folder).Chunk(most)];
        var contenders = new Dictionary<string, Func<Runner>>
        {
            ["ort"] = () => StartOrtBatches(batches, most, OrtDecoderGraphs.G2pEnBatches(folder), English(folder, Storage.Find("fp32")!)),
        };
        var rows = new List<RowPlan>();
        foreach (var storage in Storage.All)
        {
            contenders[storage.Name] = () =>
            {
                var model = Ours.Load(English(folder, storage));
                var decoder = model.CreateDecoder(new SeqDecoderOptions { BatchSize = most });
                return new Runner(
                    () =>
                    {
                        foreach (var batch in batches) decoder.DecodeBatch(batch);
                    },
                    decoder,
                    model);
            };
            rows.Add(new RowPlan($"{storage.Name}-ort", $"Words decoded, {storage.Name}", storage.Name, "ort", "ONNX Runtime fp32", storage.Name == "fp32" ? null : Bars.WordsInBatches));
        }

        return new Contest($"words/{id}", size, contenders, rows) { Units = batches.Sum(batch => batch.Length) };
    }

    private static Runner StartOrtBatches(string[][] batches, int most, OrtDecoderGraphs graphs, byte[] file)
    {
        using var model = Ours.Load(file);
        using var ours = model.CreateDecoder();
        var sources = Array.ConvertAll(batches, batch => Array.ConvertAll(batch, word =>
        {
            ours.Decode(word);
            return ours.SourceTokens.ToArray();
        }));
        var theirs = new OrtBatchDecoder(graphs, most, sources.Max(batch => batch.Max(source => source.Length)));
        for (var b = 0; b < batches.Length; b++)
        {
            var results = theirs.Decode(sources[b]);
            for (var i = 0; i < results.Length; i++) Compare(batches[b][i], ours.Decode(batches[b][i])[0], results[i]);
        }

        return new Runner(
            () =>
            {
                foreach (var batch in sources) theirs.Decode(batch);
            },
            theirs);
    }

    private static string[] Words(string folder) => [.. File.ReadLines(Path.Combine(folder, "expected-greedy.tsv")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('\t')[0])];

    private static void Compare(string word, DecodeResult ours, (List<int> Tokens, double LogProbability) theirs)
    {
        if (!ours.Tokens.SequenceEqual(theirs.Tokens.ToArray()) || Math.Abs(theirs.LogProbability - ours.LogProbability) > 1e-3)
            throw new InvalidDataException($"'{word}' gives different tokens: {string.Join(' ', theirs.Tokens)} ({theirs.LogProbability}) and {string.Join(' ', ours.Tokens.ToArray())} ({ours.LogProbability})");
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
            Compare(word, best, theirs.Decode(source));
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
