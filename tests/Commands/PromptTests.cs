using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.Commands;

/// <summary><c>seqconvert decode</c> with a language model.</summary>
public sealed class PromptTests : IDisposable
{
    private readonly CommandLine _cli = new();
    private readonly PlainLanguage _language = new(3);
    private readonly string _file;

    public PromptTests()
    {
        _file = _cli["text.seq"];
        File.WriteAllBytes(_file, _language.Convert(_language.Description(TokenForm.BatchAndTime, max: 8)).File);
    }

    public void Dispose()
    {
        _cli.Dispose();
        _language.Dispose();
    }

    [Fact]
    public void A_prompt_goes_on_with_the_best_tokens()
    {
        var (tokens, logProbability, isComplete) = _language.Greedy([2, 3], 8);
        _cli.Good("decode", _file, "ab");
        Assert.StartsWith("ab\t", _cli.Out, StringComparison.Ordinal);
        var report = _cli.Json("decode", _file, "ab", "--json").GetProperty("texts")[0].GetProperty("best")[0];
        Assert.Equal(tokens, report.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()));
        Assert.Equal(logProbability, report.GetProperty("logProbability").GetDouble(), 1e-4);
        Assert.Equal(isComplete, report.GetProperty("isComplete").GetBoolean());
        Assert.Equal(tokens, Tokens("--temperature", "0"));
        Assert.Equal(_language.Greedy([2, 3], 2).Tokens, Tokens("--max-tokens", "2"));
    }

    [Fact]
    public void Tokens_are_drawn_as_the_generator_draws_them()
    {
        using var model = SeqModel.Load(_file);
        using var generator = model.CreateGenerator(new SeqDecoderOptions { Sampling = new SamplingOptions { Temperature = 1.5f, TopK = 4, TopP = 0.9f, Seed = 5 } });
        Assert.Equal(generator.Generate("ab")[0].Tokens.ToArray(), Tokens("--temperature", "1.5", "--top-k", "4", "--top-p", "0.9", "--seed", "5"));
        Assert.Equal(3, _cli.Json("decode", _file, "ab", "--best", "3", "--temperature", "0", "--json").GetProperty("texts")[0].GetProperty("best").GetArrayLength());
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        _cli.Fails(2, ["decode", _file, "ab", "--temperature", "-1"], "--temperature -1: give a number of at least 0");
        _cli.Fails(2, ["decode", _file, "ab", "--temperature", "0", "--top-k", "2"], "--temperature 0 takes the best token, so --top-k, --top-p and --seed have no effect");
        _cli.Fails(2, ["decode", _file, "ab", "--top-k", "0"], "--top-k 0: give a whole number above 0");
        _cli.Fails(2, ["decode", _file, "ab", "--top-p", "1.5"], "--top-p 1.5: give a number above 0 and at most 1");
        _cli.Fails(2, ["decode", _file, "ab", "--max-tokens", "0"], "--max-tokens 0: give a whole number above 0");
        _cli.Fails(2, ["decode", _file, "ab", "--seed", "1", "--best", "2"], "--best 2 cannot be combined with drawing tokens");
        _cli.Fails(2, ["decode", _file, "ab", "--seed", "1", "--beam", "2"], "--beam 2 cannot be combined with drawing tokens");
        _cli.Fails(1, ["decode", _file, ""], "The prompt is empty, and the model names no token that begins a text");
        _cli.Fails(1, ["decode", _file, "az"], "No token of the table covers 'z'");
        File.WriteAllBytes(_cli["x.npy"], [0]);
        _cli.Fails(1, ["decode", _file, "--input", _cli["x.npy"]], "the model is a language model, which takes prompts");
        _cli.Fails(2, ["decode", _file, "--input", _cli["x.npy"], "--seed", "1"], "--seed cannot be combined with --input");
    }

    private int[] Tokens(params string[] options) =>
        [.. _cli.Json(["decode", _file, "ab", .. options, "--json"]).GetProperty("texts")[0].GetProperty("best")[0].GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];
}
