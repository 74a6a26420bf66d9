using System.Globalization;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.RealModels;

/// <summary>The real models of other authors convert with one command line each, and give the numbers of their references. Each test prints a row of a table.</summary>
public sealed class OneCommandTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>A tenth of what is promised, which is 1e-4.</summary>
    private const double OfRange = 1e-5;

    /// <summary>Quantized weights may change an output by this root mean square, relative to the output's.</summary>
    private const double QuantizedRms = 0.02;

    /// <summary>Only a guard: how far the quantization of DTLN's authors is from their weights in fp32 is theirs. It is 6.5 and 7.5 %.</summary>
    private const double AuthorsRms = 0.1;

    private const string Keras1 = "this model was saved by Keras 1, which is not supported: its layers and the names of its weights are others";

    private readonly Commands.CommandLine _cli = new();

    /// <summary>The command without its output, and the reference of each graph.</summary>
    public static TheoryData<string, string> Table => new()
    {
        { "convert mask=dtln/model_1.onnx refine=dtln/model_2.onnx", "dtln mask, dtln refine" },
        { "convert dtln/model_1.tflite", "dtln mask" },
        { "convert dtln/model_2.tflite", "dtln refine" },
        { "convert silero-vad/silero_vad_16k_op15.onnx --set sr=16000", "silero silero_vad_16k_op15.onnx" },
        { "convert silero-vad/silero_vad.onnx --set sr=16000", "silero silero_vad.onnx" },
        { "convert silero-vad/silero_vad_op18_ifless.onnx --set sr=16000", "silero silero_vad_op18_ifless.onnx" },
        { "convert gtcrn/gtcrn.onnx", "gtcrn" },
        { "convert gtcrn/gtcrn_simple.onnx", "gtcrn" },
        { "convert nam-lstm/BossLSTM-1x16.nam", "nam" },
        { "convert rtneural/conv.json", "rtneural conv" },
        { "convert rtneural/conv1d_torch.json", "rtneural conv1d_torch" },
        { "convert rtneural/dense.json", "rtneural dense" },
        { "convert rtneural/gru.json", "rtneural gru" },
        { "convert rtneural/gru_1d.json", "rtneural gru_1d" },
        { "convert rtneural/lstm.json", "rtneural lstm" },
        { "convert rtneural/lstm_1d.json", "rtneural lstm_1d" },
        { "convert rtneural/lstm_torch.json", "rtneural lstm_torch" },
        { "convert aircraft-rul/lstm_model.onnx", "aircraft" },
        { "convert aircraft-rul/lstm_model.keras", "aircraft" },
        { "convert stressrnn/model.onnx", "stressrnn" },
        { "convert stressrnn/weights_96.hdf5", "stressrnn" },
        { "convert stressrnn/model.json", "stressrnn" },
        { "convert quant-sentinel/lstm.onnx", "quant-sentinel lstm" },
        { "convert quant-sentinel/lstm.keras", "quant-sentinel lstm" },
        { "convert quant-sentinel/attention.onnx", "quant-sentinel attention" },
        { "convert unitree-g1/motion.pt", "unitree" },
        { "convert lwtnn/gru-sequence/gru-seq-arch.json", "lwtnn gru-sequence/gru-seq-targets.json 4 5" },
        { "convert lwtnn/lstm_functional/model.json", "lwtnn lstm_functional/expected-out.json 8 4" },
        { "convert lwtnn/simplernn_functional/simplernn_functional.json", "lwtnn simplernn_functional/expected-out.json 8 4" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void A_model_gives_the_numbers_of_its_reference(string command, string references)
    {
        foreach (var agreement in Agreements(command, references)) Assert.True(agreement.WorstOfRange <= OfRange, $"differs by {agreement.WorstOfRange:E2} of the range");
    }

    /// <summary>The reference of a quantized file is what its own operators give with the weights that its integers stand for.</summary>
    [Theory]
    [InlineData("convert dtln/model_quant_1.tflite", "mask", OfRange)]
    [InlineData("convert dtln/model_quant_2.tflite", "refine", OfRange)]
    [InlineData("convert dtln/model_quant_1.tflite --weights int8", "mask", null)]
    [InlineData("convert dtln/model_quant_2.tflite --weights int8", "refine", null)]
    public void A_quantized_model_gives_the_numbers_of_its_operators(string command, string graph, double? ofRange)
    {
        Convert(command);
        var own = Compare(command, 0, $"dtln-quantized {graph}");
        Assert.Equal(1000, own.Frames);
        Assert.True(own.RelativeRms <= QuantizedRms, $"differs by {own.RelativeRms:P2}");
        if (ofRange is { } most) Assert.True(own.WorstOfRange <= most, $"differs by {own.WorstOfRange:E2} of the range");
        else Assert.True(own.Drift <= 2, $"the difference grows by {own.Drift:F2}");
        var authors = Compare(command, 0, $"dtln {graph}");
        Assert.True(authors.RelativeRms <= AuthorsRms, $"differs by {authors.RelativeRms:P2} from the weights in fp32");
    }

    /// <summary>Weights alone: the description is drafted, and what weights do not tell is answered.</summary>
    [Fact]
    public void Words_are_pronounced_from_a_drafted_description()
    {
        File.Copy(Models.Need("g2p_en/checkpoint20.npz"), _cli["checkpoint20.npz"]);
        _cli.Good("scaffold", _cli["checkpoint20.npz"], "-o", _cli["g2p.json"]);
        Answer("g2p.json", ("the token before the first, as its number", "2"), ("the token that ends a result, as its number", "3"));
        Convert($"convert {_cli["g2p.json"]}");
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Repository.Find("docs/examples/g2p_en.json")));
        string[] phonemes = [.. document.RootElement.GetProperty("tables").GetProperty("target").EnumerateArray().Select(e => e.GetString()!)];
        using var model = SeqModel.Load(_cli["model.seq"]);
        using var decoder = model.CreateDecoder();
        var lines = RealDecodingTests.Lines("g2p_en/expected-greedy.tsv");
        foreach (var line in lines)
        {
            int[] letters = [.. line[0].Select(letter => letter - 'a' + 3), 2];
            decoder.Decode(letters);
            Assert.Equal(line[1], string.Join(' ', decoder.Results[0].Tokens.ToArray().Select(token => phonemes[token])));
        }

        Print("scaffold g2p_en/checkpoint20.npz -o g2p.json; 2 answers; convert g2p.json", "expected words", lines.Length, "all words equal");
    }

    /// <summary>DTLN's weights tell every layer. Its author's program tells two functions (answers), and what has no weights: a last sigmoid, an epsilon of its own, and the product with the mask.</summary>
    [Fact]
    public void Dtln_runs_from_a_drafted_description()
    {
        File.Copy(Models.Need("dtln/model.h5"), _cli["model.h5"]);
        _cli.Good("scaffold", _cli["model.h5"], "-o", _cli["dtln.json"], "--stateful");
        const string function = "the function here: relu, tanh, sigmoid, elu, gelu, silu …; remove this layer if there is none";
        Answer("dtln.json", (function, "\"linear\""), (function, "\"sigmoid\""));
        Edit("dtln.json", "\"weights\": \"dense\", \"output\": \"dense\" }", "\"weights\": \"dense\", \"output\": \"dense\" }, { \"kind\": \"activation\", \"function\": \"sigmoid\", \"input\": \"dense\", \"output\": \"mask\" }");
        Edit("dtln.json", "{ \"output\": \"dense\" }", "{ \"output\": \"mask\" }");
        Edit("dtln.json", "\"epsilon\": 0.001", "\"epsilon\": 1e-7");
        Edit("dtln.json", "{ \"kind\": \"transpose\", \"input\": \"activation_2\"", "{ \"kind\": \"multiply\", \"inputs\": [\"steps\", \"activation_2\"], \"output\": \"masked\" }, { \"kind\": \"transpose\", \"input\": \"masked\"");
        foreach (var agreement in Agreements($"convert {_cli["dtln.json"]}", "dtln mask, dtln refine")) Assert.True(agreement.WorstOfRange <= OfRange, $"differs by {agreement.WorstOfRange:E2} of the range");
    }

    [Fact]
    public void Words_are_romanized_as_in_the_reference()
    {
        const string command = "convert encoder=thai2rom/thai2rom_encoder.onnx step=thai2rom/thai2rom_decoder.onnx --decoding docs/examples/thai2rom.json";
        Convert(command);
        using var model = SeqModel.Load(_cli["model.seq"]);
        using var decoder = model.CreateDecoder();
        var (lines, largest) = (RealDecodingTests.Lines("thai2rom/expected-greedy.tsv"), 0.0);
        foreach (var line in lines)
        {
            decoder.Decode(line[0]);
            Assert.Equal(line[1], decoder.Results[0].Text);
            largest = Math.Max(largest, Math.Abs(double.Parse(line[2], CultureInfo.InvariantCulture) - decoder.Results[0].LogProbability));
        }

        const double digits = 0.5e-4;
        Assert.True(largest < digits + OfRange, $"the log probability differs by {largest}");
        Print(command, "expected words", lines.Length, FormattableString.Invariant($"all words equal; log probability {largest:E1}"));
    }

    [Theory]
    [InlineData("convert quant-sentinel/deeptrans.onnx", "Erfc")]
    [InlineData("convert lwtnn/keras1-gru/GRU.json", Keras1, "MaxoutDense", "Load it with Keras 2.0 to 2.2")]
    [InlineData("convert lwtnn/keras1-gru/GRU_weights.h5", Keras1, "Load it with Keras 2.0 to 2.2")]
    public void A_model_that_cannot_be_read_is_refused_by_its_cause(string command, params string[] causes)
    {
        _cli.Fails(1, [.. Words(command), "-o", _cli["model.seq"]], causes);
        output.WriteLine($"| `{command}` | refused | | {_cli.Error.Trim()} |");
    }

    public void Dispose() => _cli.Dispose();

    private void Convert(string command) => _cli.Good([.. Words(command), "-o", _cli["model.seq"]]);

    private Agreement[] Agreements(string command, string references)
    {
        Convert(command);
        return [.. references.Split(", ").Index().Select(reference => Compare(command, reference.Index, reference.Item))];
    }

    /// <summary>Compares a graph of the converted model with a reference.</summary>
    private Agreement Compare(string command, int graph, string reference)
    {
        using var model = SeqModel.Load(_cli["model.seq"]);
        var agreement = Run(model, graph, References.Of(reference));
        Print(command, reference, agreement.Frames, FormattableString.Invariant($"{agreement.WorstOfRange:E1} (relative RMS {agreement.RelativeRms:E1})"));
        return agreement;
    }

    /// <summary>Runs one session over all steps, so that its states go from step to step.</summary>
    private static Agreement Run(SeqModel model, int graph, IEnumerable<(float[] Input, float[] Output)> steps)
    {
        var agreement = new Agreement();
        SeqSession? session = null;
        foreach (var (input, expected) in steps)
        {
            session ??= Session(model.Graphs[graph], model, input.Length);
            input.CopyTo(session.Input<float>(0));
            session.Run();
            if (expected.Length > 0) agreement.Add(expected, session.Output<float>(0));
        }

        session?.Dispose();
        return agreement;
    }

    /// <summary>A session whose first input has this many numbers: its last symbolic size takes what the others leave.</summary>
    private static SeqSession Session(SeqGraphInfo graph, SeqModel model, int numbers)
    {
        var dimensions = graph.Inputs[0].Dimensions!;
        var options = new SeqSessionOptions();
        var known = dimensions.Aggregate(1, (product, d) => product * (d.Size ?? 1));
        if (dimensions.LastOrDefault(d => d.Symbol is not null) is { Symbol: { } symbol }) options.MaxSizes[symbol] = numbers / known;
        return model.CreateSession(graph.Name, options);
    }

    /// <summary>Answers all questions of a draft, one after another.</summary>
    private void Answer(string name, params (string Question, string Answer)[] answers)
    {
        Assert.Equal(answers.Length, File.ReadAllText(_cli[name]).Split("\"? ").Length - 1);
        foreach (var (question, answer) in answers) Edit(name, $"\"? {question}\"", answer);
    }

    /// <summary>Replaces the first occurrence of a text in a draft.</summary>
    private void Edit(string name, string old, string with)
    {
        var text = File.ReadAllText(_cli[name]);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, $"the draft has no {old}: {text}");
        File.WriteAllText(_cli[name], text[..at] + with + text[(at + old.Length)..]);
    }

    /// <summary>The words of a command, with the places of its files.</summary>
    private static string[] Words(string command) => [.. command.Split(' ').Select(word =>
    {
        var at = word.IndexOf('=', StringComparison.Ordinal) + 1;
        var file = word[at..];
        if (!file.Contains('/', StringComparison.Ordinal) || Path.IsPathRooted(file)) return word;
        return word[..at] + (file.StartsWith("docs/", StringComparison.Ordinal) ? Repository.Find(file) : Models.Need(file));
    })];

    private void Print(string command, string reference, int steps, string difference) => output.WriteLine($"| `seqconvert {command.Replace(_cli.Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)}` | {reference} | {steps} | {difference} |");
}
