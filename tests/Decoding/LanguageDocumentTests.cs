using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Documents and graphs that make no language model are refused at conversion, with the names of both.</summary>
public sealed class LanguageDocumentTests
{
    [Theory]
    [InlineData(TokenForm.Batch, ", \"links\": {\"h\": \"logits\"}, \"source\": \"x\", \"blank\": 1, \"alignment\": \"logits\"", "\"alignment\" has no meaning for a language model, which has no source; remove it; \"blank\" has no meaning")]
    [InlineData(TokenForm.Batch, ", \"links\": {\"h\": \"logits\"}", "\"links\" has no meaning for a language model")]
    [InlineData(TokenForm.Batch, ", \"source_position\": \"x\"", "\"source_position\" has no meaning for a language model")]
    [InlineData(TokenForm.Batch, ", \"step\": \"stepp\"", "\"step\" names graph 'stepp', which does not exist; give one of 'main'")]
    [InlineData(TokenForm.Batch, ", \"token\": \"y\"", "\"token\" names 'y', which is not an input of graph 'main'; it has 'x' [N]")]
    [InlineData(TokenForm.Batch, ", \"logits\": \"y\"", "\"logits\" names 'y', which is not an output of graph 'main'")]
    [InlineData(TokenForm.Batch, ", \"position\": \"p\"", "\"position\" names 'p', which is not an input of graph 'main'")]
    [InlineData(TokenForm.Batch, ", \"end\": 5", "\"end\" is token 5; the tokens of graph 'main' are 0 to 4")]
    [InlineData(TokenForm.Batch, ", \"end\": \"z\"", "\"z\" is not a token of table 'target'")]
    [InlineData(TokenForm.Batch, ", \"context\": 1", "\"context\" is 1; it must be a whole number above 1")]
    [InlineData(TokenForm.Time, ", \"context\": 4", "\"max\" is 4; graph 'main' holds 4 tokens, prompt and result together, so it must be at most 3")]
    public void A_document_that_does_not_fit_is_told_by_its_members(TokenForm form, string more, string message)
    {
        using var language = new PlainLanguage(1);
        language.Convert(language.Description(form));
        Assert.Contains(message, language.Refusal(language.Description(form, more: more)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"target\": [", "\"source\": [\"a\"], \"target\": [", "table 'source' has no meaning for a language model, whose texts are all of table 'target'")]
    [InlineData(", \"b\", \"c\"]", "]", "table 'target' has 3 texts; graph 'main' scores 5 tokens")]
    [InlineData("\"inputs\": {", "\"inputs\": { \"q\": { \"shape\": [1, 6] },", "nothing fills input 'q' [1, 6] of graph 'main'; fill it by \"position\"")]
    [InlineData("\"language-model\"", "\"ctc\"", "holds int64; features must be float32")]
    [InlineData("\"language-model\"", "\"chatbot\"", "kind 'chatbot' is unknown; it must be encoder-decoder, ctc, transducer or language-model")]
    [InlineData("\"update\": \"h1\" }", "\"update\": \"h1\" }, \"again\": { \"shape\": [\"N\", 6], \"update\": \"again\" }", "")]
    public void A_model_that_cannot_be_one_is_told(string part, string instead, string message)
    {
        using var language = new PlainLanguage(1);
        var description = language.Description(TokenForm.One);
        Assert.Contains(part, description, StringComparison.Ordinal);
        description = description.Replace(part, instead, StringComparison.Ordinal);
        if (message.Length > 0) Assert.Contains(message, instead.Contains("\"q\"", StringComparison.Ordinal) ? language.Refusal(description.Replace("\"max\"", "\"token\": \"x\", \"max\"", StringComparison.Ordinal)) : language.Refusal(description), StringComparison.Ordinal);
        else language.Convert(description);
    }

    [Theory]
    [InlineData("[1, 1]", "Graph 'main' has no states, and 'x' takes one token, so it forgets all tokens before. Convert it with states")]
    [InlineData("[\"N\", 1]", "the logits of graph 'main' do not depend on tokens before the last, so it forgets the text. Convert it with states (--state INPUT=OUTPUT, --cache STEPS); if 'N' counts texts and not their tokens, fix it (--dim N=1)")]
    [InlineData("[1, 3]", "holds 3 tokens at once; it must hold one token, or a symbolic number of tokens")]
    public void A_graph_that_forgets_is_refused_with_the_ways_out(string shape, string message)
    {
        using var files = new WeightFiles();
        files.Random("e.weight", 5, 5);
        Assert.Contains(
            message,
            files.Refusal($$"""{ "weights": "weights.npz", "decoding": { "kind": "language-model" }, "graphs": { "main": { "inputs": { "x": { "type": "int64", "shape": {{shape}} } }, "layers": [{ "kind": "embedding", "input": "x", "weights": "e", "output": "y" }], "outputs": { "y": "y" } } } }"""),
            StringComparison.Ordinal);
    }

    /// <summary>A convolution over the tokens of a run has no state for the run before.</summary>
    [Fact]
    public void A_graph_that_reads_one_by_one_otherwise_than_at_once_is_refused()
    {
        using var language = new PlainLanguage(1);
        var description = language.Description(TokenForm.Time);
        const string Embedding = "\"weights\": \"embedding\", \"output\": \"e\" }";
        Assert.Contains(Embedding, description, StringComparison.Ordinal);
        var convolved = description.Replace(Embedding, """
            "weights": "embedding", "output": "e0" }, { "kind": "transpose", "input": "e0", "order": [0, 2, 1], "output": "e1" },
            { "kind": "conv1d", "input": "e1", "causal": true, "tensors": { "weight": "conv" }, "output": "e2" }, { "kind": "transpose", "input": "e2", "order": [0, 2, 1], "output": "e" }
            """, StringComparison.Ordinal);
        language.Files.Random("conv", 4, 4, 2);
        Assert.Contains("graph 'main' gives other logits when it reads tokens one by one than when it reads them at once, so it cannot generate", language.Refusal(convolved), StringComparison.Ordinal);
    }

    /// <summary>The scores have five tokens and the embedding has rows for three, so the tokens of the check cannot be read.</summary>
    [Theory]
    [InlineData(5, 0)]
    [InlineData(3, 1)]
    public void A_check_that_could_not_be_made_is_noted(int rows, int notes)
    {
        using var files = new WeightFiles();
        files.Random("e.weight", rows, 3);
        files.Random("r.weight_ih_l0", 4, 3);
        files.Random("r.weight_hh_l0", 4, 4);
        files.Random("o.weight", 5, 4);
        const string Description = """
            { "weights": "weights.npz", "decoding": { "kind": "language-model" }, "graphs": { "main": { "inputs": { "x": { "type": "int64", "shape": [1, "T"] } },
              "states": { "h": { "shape": [1, 1, 4], "update": "h1" } },
              "layers": [{ "kind": "embedding", "input": "x", "weights": "e", "output": "z" }, { "kind": "rnn", "input": "z", "weights": "r", "initial": "h", "final": "h1", "output": "y" }, { "kind": "linear", "input": "y", "weights": "o", "output": "logits" }],
              "outputs": { "logits": "logits" } } } }
            """;
        Assert.Equal(notes, files.Convert(Description).Graphs[0].Notes.Count(note => note.StartsWith("it was not checked here that graph 'main' reads tokens one by one as it reads them at once, because it cannot read the tokens of the check: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_bidirectional_layer_sees_later_tokens()
    {
        using var files = new WeightFiles();
        files.Random("e.weight", 5, 3);
        foreach (var end in (string[])["", "_reverse"])
        {
            files.Random($"r.weight_ih_l0{end}", 4, 3);
            files.Random($"r.weight_hh_l0{end}", 4, 4);
            files.Random($"r.bias_ih_l0{end}", 4);
            files.Random($"r.bias_hh_l0{end}", 4);
        }

        files.Random("o.weight", 5, 8);
        const string Description = """
            { "weights": "weights.npz", "decoding": { "kind": "language-model" }, "graphs": { "main": { "inputs": { "x": { "type": "int64", "shape": [1, "T"] } },
              "layers": [{ "kind": "embedding", "input": "x", "weights": "e", "output": "z" }, { "kind": "rnn", "input": "z", "weights": "r", "bidirectional": true, "output": "y" }, { "kind": "linear", "input": "y", "weights": "o", "output": "logits" }],
              "outputs": { "logits": "logits" } } } }
            """;
        Assert.Contains("the logits of graph 'main' depend on later tokens (a bidirectional layer, attention that is not causal), so it is no language model that can generate", files.Refusal(Description), StringComparison.Ordinal);
    }

    /// <summary>Each probability is smaller than what two logits may differ by.</summary>
    [Fact]
    public void Probabilities_of_many_tokens_that_depend_on_later_tokens_are_found_too()
    {
        const int Tokens = 4000;
        using var files = new WeightFiles();
        files.Random("e.weight", Tokens, 3);
        foreach (var end in (string[])["", "_reverse"])
        {
            files.Random($"r.weight_ih_l0{end}", 4, 3);
            files.Random($"r.weight_hh_l0{end}", 4, 4);
            files.Random($"r.bias_ih_l0{end}", 4);
            files.Random($"r.bias_hh_l0{end}", 4);
        }

        files.Put("o.weight", Array.ConvertAll(Numbers.Random(new Random(1), Tokens * 8), v => 0.2f * v), Tokens, 8);
        string Description(bool isBidirectional) => $$"""
            { "weights": "weights.npz", "decoding": { "kind": "language-model", "scores": "probabilities" }, "graphs": { "main": { "inputs": { "x": { "type": "int64", "shape": [1, "T"] } },
              "layers": [{ "kind": "embedding", "input": "x", "weights": "e", "output": "z" }, { "kind": "rnn", "input": "z", "weights": "r", "bidirectional": {{(isBidirectional ? "true" : "false")}}, "output": "y" },
                { "kind": "linear", "input": "y", "weights": "o", "output": "logits" }, { "kind": "activation", "function": "softmax", "input": "logits", "output": "p" }],
              "outputs": { "p": "p" } } } }
            """;
        Assert.Contains("depend on later tokens", files.Refusal(Description(isBidirectional: true)), StringComparison.Ordinal);
    }

    /// <summary>Ones in all places would let attention see places of a cache that no token has taken.</summary>
    [Fact]
    public void A_mask_of_a_fixed_size_is_refused()
    {
        using var language = new PlainLanguage(1);
        var description = language.Description(TokenForm.One, more: ", \"token\": \"x\", \"mask\": \"m\"").Replace("\"inputs\": {", "\"inputs\": { \"m\": { \"shape\": [1, 12] },", StringComparison.Ordinal);
        Assert.Contains("\"mask\": input 'm' [1, 12] of graph 'main' has a fixed number of places, and a text may have fewer tokens; give it a symbolic number of tokens", language.Refusal(description), StringComparison.Ordinal);
        var converted = language.Convert(description.Replace("\"mask\"", "\"position\"", StringComparison.Ordinal)).Model;
        converted.Metadata.Remove(DecodingKeys.Position);
        converted.Metadata[DecodingKeys.Mask] = "m";
        using var model = SeqModel.Load(SeqWriter.ToArray(converted));
        Assert.Contains("Mask 'm' of graph 'main' has 12 places in each run", Assert.Throws<ArgumentException>(() => model.CreateGenerator()).Message, StringComparison.Ordinal);
    }

    /// <summary>What the converter would not write.</summary>
    [Theory]
    [InlineData("0", "Graph 'main' holds 0 tokens, prompt and result together; it must hold at least 2.")]
    [InlineData("1", "Graph 'main' holds 1 token, prompt and result together; it must hold at least 2.")]
    [InlineData("-1", "'decoding:context' is '-1'; it must be a whole number of at least 0")]
    [InlineData("2147483648", "'decoding:context' is '2147483648'; it must be a whole number of at least 0")]
    [InlineData("2147483647", null)]
    public void A_files_context_is_checked(string context, string? message)
    {
        foreach (var form in (TokenForm[])[TokenForm.BatchAndTime, TokenForm.Whole])
        {
            using var language = new PlainLanguage(1);
            var converted = language.Convert(language.Description(form)).Model;
            converted.Metadata[DecodingKeys.Context] = context;
            using var model = SeqModel.Load(SeqWriter.ToArray(converted));
            if (message is not null)
            {
                Assert.Contains(message, Assert.Throws<ArgumentException>(() => model.CreateGenerator()).Message, StringComparison.Ordinal);
                continue;
            }

            using var generator = model.CreateGenerator();
            Assert.Equal(language.Greedy([2], 4).Tokens, generator.Generate([2])[0].Tokens.ToArray());
        }
    }

    [Theory]
    [InlineData("docs/examples/text.json", 31, null)]
    [InlineData("docs/examples/transformer.json", 50, 256)]
    public void The_examples_generate(string example, int tokens, int? context)
    {
        using var model = SeqModel.Load(Docs.TextModel.Convert(example));
        using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxTokens = 9 });
        Assert.Equal((tokens, context), (generator.VocabularySize, generator.MaxContextLength));
        Assert.True(generator.Generate([2, 3]).Count == 1);
    }
}
