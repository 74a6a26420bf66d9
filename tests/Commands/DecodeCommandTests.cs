using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.Commands;

public sealed class DecodeCommandTests : IDisposable
{
    private readonly CommandLine _cli = new();

    private static string G2p => Repository.Find("NativeAotSample/g2p.seq");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Texts_are_decoded_greedily_and_by_beam_as_the_decoder_does()
    {
        using var model = SeqModel.Load(G2p);
        foreach (var (beam, best) in new[] { (1, 1), (5, 3) })
        {
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = best, LengthPenalty = 0.5f });
            var expected = "";
            foreach (var word in (string[])["recurrent", "speech"])
            {
                Assert.Equal(best, decoder.Decode(word).Count);
                foreach (var result in decoder.Results) expected += FormattableString.Invariant($"{word}\t{result.Text}\t{result.LogProbability:F4}\n");
            }

            _cli.Good("decode", G2p, "recurrent", "speech", "--beam", $"{beam}", "--best", $"{best}", "--length-penalty", "0.5");
            Assert.Equal(expected, _cli.Out.ReplaceLineEndings("\n"));
            File.WriteAllText(_cli["words.txt"], "recurrent\n\nspeech\n");
            foreach (var batch in (string[])["1", "2", "32"])
            {
                _cli.Good("decode", G2p, "--from", _cli["words.txt"], "--beam", $"{beam}", "--best", $"{best}", "--batch", batch, "--length-penalty", "0.5");
                Assert.Equal(expected, _cli.Out.ReplaceLineEndings("\n"));
            }
        }
    }

    [Fact]
    public void Json_has_tokens_scores_and_alignments()
    {
        var report = _cli.Json("decode", G2p, "speech", "--best", "2", "--kernels", "portable", "--json");
        Assert.Equal("portable", report.GetProperty("kernels").GetString());
        var best = report.GetProperty("texts")[0].GetProperty("best");
        Assert.Equal(2, best.GetArrayLength());
        Assert.Equal("S P IY1 CH", best[0].GetProperty("text").GetString());
        Assert.Equal(4, best[0].GetProperty("tokens").GetArrayLength());
        Assert.True(best[0].GetProperty("isComplete").GetBoolean());
        Assert.True(best[0].GetProperty("score").GetSingle() >= best[1].GetProperty("score").GetSingle());
        var alignment = best[0].GetProperty("alignment");
        Assert.Equal(5, alignment.GetArrayLength());
        foreach (var row in alignment.EnumerateArray()) Assert.Equal(1, row.EnumerateArray().Sum(w => w.GetDouble()), 1e-5);
    }

    [Fact]
    public void Characters_outside_the_source_table_are_reported()
    {
        Assert.Equal(0, _cli.Run("decode", G2p, "Hello World", "speech"));
        Assert.Equal("seqconvert: 'Hello World': the model does not know 'H', ' ', 'W' and guesses; spell the text as its table of tokens does\n", _cli.Error.ReplaceLineEndings("\n"));
        Assert.Equal(2, _cli.Out.Count(c => c == '\n'));
        Assert.Equal(0, _cli.Run("decode", G2p, "Hello World", "speech", "--json"));
        Assert.Contains("'W'", _cli.Error, StringComparison.Ordinal);
        var texts = System.Text.Json.JsonDocument.Parse(_cli.Out).RootElement.GetProperty("texts");
        Assert.Equal("H W", texts[0].GetProperty("unknown").GetString());
        Assert.False(texts[1].TryGetProperty("unknown", out _));
    }

    [Fact]
    public void Lines_come_as_they_are_decoded_up_to_one_at_fault()
    {
        File.WriteAllBytes(_cli["small.seq"], SmallDecoder.Make(3, batched: true));
        File.WriteAllText(_cli["numbers.txt"], "2\n1\ntwo\n3\n");
        foreach (var batch in (string[])["1", "2", "4"])
        {
            Assert.Equal(1, _cli.Run("decode", _cli["small.seq"], "--from", _cli["numbers.txt"], "--batch", batch));
            Assert.Matches("^2\t[^\n]*\n1\t[^\n]*\n$", _cli.Out.ReplaceLineEndings("\n"));
            Assert.Contains("'two'", _cli.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused_with_its_line()
    {
        File.WriteAllBytes(_cli["latin1.txt"], [.. "speech\ncaf"u8, 0xE9, .. "\nrest\n"u8]);
        _cli.Fails(1, ["decode", G2p, "--from", _cli["latin1.txt"]], "latin1.txt: line 2 is not UTF-8");
        File.WriteAllText(_cli["utf16.txt"], "speech\n", System.Text.Encoding.Unicode);
        _cli.Good("decode", G2p, "--from", _cli["utf16.txt"]);
        Assert.StartsWith("speech\tS P IY1 CH\t", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_sources_and_kernels_that_cannot_run_are_wrong_usage()
    {
        _cli.Fails(2, ["decode", G2p, "hi", "--from", "f.txt"], "TEXT and --from FILE.txt cannot be combined");
        _cli.Fails(2, ["decode", G2p], "give texts, a file of them");
        _cli.Fails(2, ["decode", G2p, "hi", "--batch", "0"], "--batch 0: give a whole number from 1");
        _cli.Fails(2, ["decode", G2p, "hi", "--kernels", "nothing"], "there is no such kernel set; give one of", "portable");
        foreach (var name in SeqRuntime.Kernels.Sets.KernelRegistry.Built.Except(SeqRuntime.Kernels.Sets.KernelRegistry.Runnable.Select(kernels => kernels.Name)))
            _cli.Fails(2, ["decode", G2p, "hi", "--kernels", name], $"--kernels {name}: this processor cannot run");
    }

    [Fact]
    public void A_model_without_tables_takes_and_gives_numbers()
    {
        File.WriteAllBytes(_cli["small.seq"], SmallDecoder.Make(3, batched: true));
        _cli.Good("decode", _cli["small.seq"], "2", "--beam", "4");
        Assert.Matches(@"^2\t[0-9 ]*\t-[0-9.]+\r?\n$", _cli.Out);
        _cli.Fails(1, ["decode", _cli["small.seq"], "two"], "'two'", "is not a token number");
        _cli.Fails(1, ["decode", _cli["small.seq"], "9"], "'9'");
    }

    [Fact]
    public void Long_texts_have_room_and_other_models_are_refused_with_what_to_do()
    {
        _cli.Good("decode", G2p, new string('a', 300));
        File.WriteAllText(_cli["empty.txt"], "\n");
        _cli.Good("decode", G2p, "--from", _cli["empty.txt"]);
        Assert.Equal("", _cli.Out);
        TinyModel.Write(_cli["tiny.seq"]);
        _cli.Fails(1, ["decode", _cli["tiny.seq"], "x"], "tiny.seq", "--decoding");
    }
}
