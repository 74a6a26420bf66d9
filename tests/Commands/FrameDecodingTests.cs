using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.Commands;

/// <summary><c>decode</c> of CTC models and transducers, compared with the runtime's decoder and with plainly written sums over all alignments.</summary>
public sealed class FrameDecodingTests : IDisposable
{
    private const string Description = """{"tables": {"target": ["<b>", "a", "b", "c"]}, "decoding": {"kind": "ctc", "blank": "<b>"}}""";

    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void A_recurrent_ctc_model_goes_from_onnx_to_tokens_as_plain_arithmetic_has_it()
    {
        File.WriteAllText(_cli["decoding.json"], Description);
        for (var seed = 0; seed < 5; seed++)
        {
            var plain = new PlainCtc(seed);
            plain.WriteOnnx(_cli["ctc.onnx"]);
            _cli.Good("convert", _cli["ctc.onnx"], "-o", _cli["ctc.seq"], "--weights", "fp32", "--decoding", _cli["decoding.json"], "-q");
            var features = SmallFrames.Features(seed, 6);
            Save("x.npy", [6, SmallDecoder.Hidden], features);
            var rows = plain.LogProbabilities(features);

            var greedy = Best(_cli.Json("decode", _cli["ctc.seq"], "-i", _cli["x.npy"], "--beam", "1", "--json"));
            var labels = Array.ConvertAll(rows, row => Array.IndexOf(row, row.Max()));
            var starts = Enumerable.Range(0, labels.Length).Where(t => labels[t] != 0 && (t == 0 || labels[t] != labels[t - 1])).ToArray();
            Assert.Equal(starts.Select(t => labels[t]), Numbers(greedy[0], "tokens"));
            Assert.Equal(starts, Numbers(greedy[0], "frames"));
            Assert.Equal(rows.Sum(row => row.Max()), greedy[0].GetProperty("logProbability").GetDouble(), 1e-4);

            var all = SmallFrames.AllOfCtc(rows).OrderByDescending(s => s.Value).ToList();
            var beam = Best(_cli.Json("decode", _cli["ctc.seq"], "-i", _cli["x.npy"], "--beam", "1000", "--best", "20", "--json"));
            Assert.Equal(20, beam.Count);
            for (var rank = 0; rank < beam.Count; rank++)
            {
                Assert.Equal(Math.Log(all[rank].Value), beam[rank].GetProperty("logProbability").GetDouble(), 1e-4);
                Assert.Equal(all[rank].Key, string.Join(' ', Numbers(beam[rank], "tokens")));
                Assert.Equal(string.Concat(Numbers(beam[rank], "tokens").Select(t => SmallFrames.Table[t])), beam[rank].GetProperty("text").GetString());
            }
        }
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 200)]
    [InlineData(true, 1)]
    [InlineData(true, 200)]
    public void Transducers_and_ctc_are_decoded_as_the_decoder_does_and_as_the_sum_over_all_alignments(bool isTransducer, int beam)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            File.WriteAllBytes(_cli["m.seq"], isTransducer ? SmallFrames.Transducer(seed, batched: seed % 2 == 0, maxTokens: 4) : SmallFrames.Ctc(seed));
            var features = SmallFrames.Features(seed, 4);
            Save("x.npy", [4, SmallDecoder.Hidden], features);
            using var model = SeqModel.Load(_cli["m.seq"]);
            var best = Math.Min(beam, 10);
            using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = best });
            var report = _cli.Json("decode", _cli["m.seq"], "-i", _cli["x.npy"], "--beam", $"{beam}", "--best", $"{best}", "--json");
            Assert.Equal(isTransducer ? "transducer" : "ctc", report.GetProperty("kind").GetString());
            Assert.Equal(4, report.GetProperty("inputs")[0].GetProperty("rows").GetInt32());
            Assert.Equal(decoder.Decode(features).Count, Best(report).Count);
            foreach (var (rank, result) in Best(report).Index())
            {
                Assert.Equal(decoder.Results[rank].Tokens.ToArray(), Numbers(result, "tokens"));
                Assert.Equal(decoder.Results[rank].Frames.ToArray(), Numbers(result, "frames"));
                Assert.Equal(decoder.Results[rank].Score, result.GetProperty("score").GetSingle());
                Assert.Equal(decoder.Results[rank].LogProbability, result.GetProperty("logProbability").GetSingle());
                Assert.Equal(decoder.Results[rank].Text, result.GetProperty("text").GetString());
            }

            var all = (isTransducer ? SmallFrames.AllOfTransducer(model, features, 4) : SmallFrames.AllOfCtc(model, features)).OrderByDescending(s => s.Value).ToDictionary();
            foreach (var (rank, result) in Best(report).Index())
            {
                var key = string.Join(' ', Numbers(result, "tokens"));
                if (beam > 1) Assert.Equal((all.Keys.ElementAt(rank), Math.Log(all[key])), (key, result.GetProperty("logProbability").GetDouble()), (a, b) => a.Item1 == b.Item1 && Math.Abs(a.Item2 - b.Item2) < 1e-4);
                else Assert.True(result.GetProperty("logProbability").GetDouble() <= Math.Log(all[key]) + 1e-4);
            }

            _cli.Good("decode", _cli["m.seq"], "-i", _cli["x.npy"], "--beam", $"{beam}");
            Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{_cli["x.npy"]}\t{decoder.Results[0].Text}\t{decoder.Results[0].LogProbability:F4}"), _cli.Out.TrimEnd());
        }
    }

    [Fact]
    public void Logits_made_elsewhere_give_what_features_give()
    {
        File.WriteAllBytes(_cli["m.seq"], SmallFrames.Ctc(3));
        var features = SmallFrames.Features(seed: 3, frames: 30);
        using var model = SeqModel.Load(_cli["m.seq"]);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 30 } });
        features.CopyTo(session.Input<float>(0));
        session.Run();
        Save("x.npy", [1, 30, SmallDecoder.Hidden], features);
        Save("logits.npy", [30, 1, SmallFrames.Labels], session.Output<float>(0).ToArray());
        foreach (var beam in (string[])["1", "7"])
        {
            var expected = _cli.Json("decode", _cli["m.seq"], "-i", _cli["x.npy"], "--beam", beam, "--json").GetProperty("inputs")[0];
            var given = _cli.Json("decode", _cli["m.seq"], "-i", _cli["logits.npy"], "--logits", "--beam", beam, "--kernels", "portable", "--json");
            Assert.Equal("portable", given.GetProperty("kernels").GetString());
            Assert.Equal(expected.GetProperty("best").GetRawText(), given.GetProperty("inputs")[0].GetProperty("best").GetRawText());
        }

        Save("five.npy", [30, 5], new float[150]);
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["five.npy"], "--logits"], "five.npy", "[30, 5]", "logits of this model are [frames, 4]");
        Save("both.npy", [30, 2, 4], new float[240]);
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["both.npy"], "--logits"], "both.npy", "[30, 2, 4]");
        File.WriteAllBytes(_cli["transducer.seq"], SmallFrames.Transducer(1, batched: true));
        _cli.Fails(1, ["decode", _cli["transducer.seq"], "-i", _cli["logits.npy"], "--logits"], "transducer", "give features");
    }

    [Fact]
    public void Blank_and_texts_may_be_others_than_the_models()
    {
        File.WriteAllBytes(_cli["m.seq"], SmallFrames.Ctc(5));
        var features = SmallFrames.Features(seed: 5, frames: 40);
        Save("x.npy", [40, SmallDecoder.Hidden], features);
        using var model = SeqModel.Load(_cli["m.seq"]);
        var rows = SmallFrames.CtcLogProbabilities(model, features);
        var labels = Array.ConvertAll(rows, row => Array.IndexOf(row, row.Max()));
        int[] tokens = [.. labels.Where((label, t) => label != 2 && (t == 0 || labels[t - 1] != label))];
        Assert.Contains(0, tokens);

        File.WriteAllText(_cli["tokens.txt"], "zero\none\n_\nthree\n");
        foreach (var blank in (string[])["_", "2"])
        {
            var best = Best(_cli.Json("decode", _cli["m.seq"], "-i", _cli["x.npy"], "--beam", "1", "--tokens", _cli["tokens.txt"], "--blank", blank, "--json"))[0];
            Assert.Equal(tokens, Numbers(best, "tokens"));
            Assert.Equal(string.Join(' ', tokens.Select(t => ((string[])["zero", "one", "_", "three"])[t])), best.GetProperty("text").GetString());
        }

        File.WriteAllText(_cli["map.json"], """{"w": 0, "x": 1, "y": 2, "z": 3}""");
        _cli.Good("decode", _cli["m.seq"], "-i", _cli["x.npy"], "--beam", "1", "--tokens", _cli["map.json"], "--blank", "y");
        Assert.Contains("\t" + string.Concat(tokens.Select(t => "wxyz"[t])) + "\t", _cli.Out, StringComparison.Ordinal);

        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["x.npy"], "--blank", "4"], "The blank is label 4", "m.seq");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["x.npy"], "--blank", "d"], "--blank d", "no label has this number or text");
        File.WriteAllText(_cli["few.txt"], "a\nb\n");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["x.npy"], "--tokens", _cli["few.txt"]], "few.txt", "the table has 2 texts; it must have one for each of the model's 4 labels");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["x.npy"], "--tokens", _cli["none.txt"]], "none.txt", "no such file");
    }

    [Fact]
    public void Several_recordings_go_through_one_decoder_and_a_fixed_length_comes_several_times()
    {
        File.WriteAllBytes(_cli["m.seq"], SmallFrames.Ctc(1));
        Save("long.npy", [1500, SmallDecoder.Hidden], SmallFrames.Features(seed: 8, frames: 1500));
        using (var stream = File.Create(_cli["all.npz"]))
            NpzFile.Write(stream, [new("first", NpyArray.From([3, SmallDecoder.Hidden], SmallFrames.Features(seed: 1, frames: 3))), new("one", NpyArray.From(StoredType.Float64, [SmallDecoder.Hidden], SmallFrames.Features(seed: 2, frames: 1).Select(x => (double)x).ToArray()))]);
        var inputs = _cli.Json("decode", _cli["m.seq"], "-i", _cli["long.npy"], "-i", _cli["all.npz"], "--beam", "1", "--json").GetProperty("inputs");
        Assert.Equal([(_cli["long.npy"], 1500), (_cli["all.npz"] + ":first", 3), (_cli["all.npz"] + ":one", 1)], inputs.EnumerateArray().Select(i => (i.GetProperty("input").GetString()!, i.GetProperty("rows").GetInt32())));
        using var model = SeqModel.Load(_cli["m.seq"]);
        using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = 1500, MaxTokens = 1500 });
        decoder.Decode(SmallFrames.Features(seed: 8, frames: 1500));
        Assert.Equal(decoder.Results[0].Tokens.ToArray(), Numbers(inputs[0].GetProperty("best")[0], "tokens"));
        decoder.Decode(SmallFrames.Features(seed: 1, frames: 3));
        Assert.Equal(decoder.Results[0].Tokens.ToArray(), Numbers(inputs[1].GetProperty("best")[0], "tokens"));

        // The same model with its length fixed at 3 frames.
        new PlainCtc(1).WriteOnnx(_cli["ctc.onnx"]);
        File.WriteAllText(_cli["decoding.json"], Description);
        foreach (var (name, fixing) in new (string, string[])[] { ("open.seq", []), ("three.seq", ["--dim", "T=3"]) })
            _cli.Good(["convert", _cli["ctc.onnx"], "-o", _cli[name], "--decoding", _cli["decoding.json"], "--weights", "fp32", "-q", .. fixing]);
        Save("x.npy", [3, SmallDecoder.Hidden], SmallFrames.Features(seed: 4, frames: 3));
        Save("twice.npy", [6, SmallDecoder.Hidden], [.. SmallFrames.Features(seed: 4, frames: 3), .. SmallFrames.Features(seed: 4, frames: 3)]);
        var open = Best(_cli.Json("decode", _cli["open.seq"], "-i", _cli["x.npy"], "--beam", "1", "--json"))[0].GetProperty("logProbability").GetDouble();
        var twice = _cli.Json("decode", _cli["three.seq"], "-i", _cli["twice.npy"], "--beam", "1", "--json");
        Assert.Equal(6, twice.GetProperty("inputs")[0].GetProperty("rows").GetInt32());
        Assert.Equal(2 * open, Best(twice)[0].GetProperty("logProbability").GetDouble(), 1e-4);
        Save("odd.npy", [4, SmallDecoder.Hidden], SmallFrames.Features(seed: 4, frames: 4));
        _cli.Fails(1, ["decode", _cli["three.seq"], "-i", _cli["odd.npy"]], "odd.npy", "[4, 6]", "'x' [3, 1, 6]");
    }

    [Fact]
    public void Wrong_features_and_options_are_refused_with_advice()
    {
        File.WriteAllBytes(_cli["m.seq"], SmallFrames.Ctc(1));
        Save("x.npy", [4, SmallDecoder.Hidden], SmallFrames.Features(seed: 1, frames: 4));
        Save("turned.npy", [SmallDecoder.Hidden, 4], SmallFrames.Features(seed: 1, frames: 4));
        Save("none.npy", [0, SmallDecoder.Hidden], []);
        Save("number.npy", [], [1]);
        AtomicFile.Write(_cli["long.npy"], stream => NpyWriter.Write(stream, NpyArray.From<long>(StoredType.Int64, [1, SmallDecoder.Hidden], new long[SmallDecoder.Hidden])));
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["turned.npy"]], "turned.npy", "[6, 4]", "'features' [T, 6]");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["none.npy"]], "none.npy", "[0, 6]");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["number.npy"]], "number.npy", "'features' [T, 6]");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["long.npy"]], "long.npy", "int64", "astype('float32')");
        _cli.Fails(1, ["decode", _cli["m.seq"], "-i", _cli["absent.npy"]], "absent.npy", "no such file");

        _cli.Fails(1, ["decode", _cli["m.seq"], "text"], "m.seq", "of kind ctc", "--input FILE.npy");
        File.WriteAllBytes(_cli["words.seq"], SmallDecoder.Make(3, batched: true));
        _cli.Fails(1, ["decode", _cli["words.seq"], "-i", _cli["x.npy"]], "words.seq", "an encoder-decoder, which takes texts");
        _cli.Fails(2, ["decode", _cli["m.seq"]], "--from FILE.txt", "--input FILE.npy");
        _cli.Fails(2, ["decode", _cli["m.seq"], "text", "-i", _cli["x.npy"]], "--input FILE.npy");
        _cli.Fails(2, ["decode", _cli["m.seq"], "-i", _cli["x.npy"], "--length-penalty", "0.5"], "--length-penalty cannot be combined with --input");
        foreach (var option in (string[][])[["--logits"], ["--blank", "1"], ["--tokens", "t.txt"]]) _cli.Fails(2, ["decode", _cli["m.seq"], "text", .. option], $"{option[0]} cannot be combined with texts");
    }

    [Fact]
    public void A_model_that_says_nothing_of_decoding_is_refused_with_a_document_that_works()
    {
        var plain = new PlainCtc(7);
        plain.WriteOnnx(_cli["ctc.onnx"]);
        _cli.Good("convert", _cli["ctc.onnx"], "-o", _cli["bare.seq"], "-q");
        Save("x.npy", [5, SmallDecoder.Hidden], SmallFrames.Features(seed: 7, frames: 5));
        _cli.Fails(1, ["decode", _cli["bare.seq"], "-i", _cli["x.npy"]], "bare.seq", "--decoding FILE.json", "docs/description.md");
        File.WriteAllText(_cli["decoding.json"], _cli.Error[_cli.Error.IndexOf('{', StringComparison.Ordinal)..]);
        _cli.Good("convert", _cli["ctc.onnx"], "-o", _cli["told.seq"], "--decoding", _cli["decoding.json"], "--weights", "fp32", "-q");
        _cli.Good("decode", _cli["told.seq"], "-i", _cli["x.npy"], "--beam", "1");
        var rows = plain.LogProbabilities(SmallFrames.Features(seed: 7, frames: 5));
        Assert.Equal(rows.Sum(row => row.Max()), double.Parse(_cli.Out.Split('\t')[2], CultureInfo.InvariantCulture), 1e-3);
    }

    private static List<JsonElement> Best(JsonElement report) => [.. report.GetProperty("inputs")[0].GetProperty("best").EnumerateArray()];

    private static int[] Numbers(JsonElement result, string name) => [.. result.GetProperty(name).EnumerateArray().Select(n => n.GetInt32())];

    private void Save(string name, int[] shape, float[] values) => AtomicFile.Write(_cli[name], stream => NpyWriter.Write(stream, NpyArray.From(shape, values)));
}
