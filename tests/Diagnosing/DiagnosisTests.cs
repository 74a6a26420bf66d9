using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Diagnosing;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Diagnosing;

/// <summary>The doctor says what convert does: its commands work, and what it refuses is refused.</summary>
public sealed class DiagnosisTests
{
    private const int Float = OnnxBuilder.Float, Int64 = OnnxBuilder.Int64;

    private static readonly string[] s_extensions = [".onnx", ".h5", ".hdf5", ".keras", ".json", ".nam", ".npz", ".pt", ".tflite"];

    /// <summary>The real models of every kind, except the many small ones of ONNX's own tests.</summary>
    public static TheoryData<string> RealModels
    {
        get
        {
            if (Models.Find(".") is not { } folder) return ["silero-vad/silero_vad.onnx"];
            var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'));
            return [.. files.Where(file => !file.StartsWith("onnx-node-tests", StringComparison.Ordinal) && s_extensions.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal)];
        }
    }

    [Theory]
    [MemberData(nameof(RealModels))]
    public void The_command_of_a_real_model_works_or_convert_refuses_it_for_the_same_cause(string model) => Agrees(Models.Need(model));

    [Fact]
    public void A_fixed_input_is_found_and_told()
    {
        static GraphProto Branch(string op)
        {
            var branch = new GraphProto { Name = op };
            branch.Node.Add(OnnxBuilder.MakeNode(op, "x", op + "ed"));
            branch.Output.Add(OnnxBuilder.Port(op + "ed", Float, 1, 2));
            return branch;
        }

        var found = Agrees(new OnnxBuilder().Input("x", Float, 1, 2).Input("rate", Int64).Constant("high", [], 16000L).Node("Equal", "rate high", "c").Node("If", "c", "y", ("then_branch", Branch("Neg")), ("else_branch", Branch("Abs"))).Output("y"));
        Assert.Equal("16000", found.Options.Sets["rate"]);
        Assert.Equal("--set rate=16000", CommandText.Added(found.Needs[0].Before, found.Needs[0].After));
        Assert.Empty(found.Unsupported);
    }

    [Fact]
    public void A_size_that_alone_fits_is_found()
    {
        var found = Agrees(new OnnxBuilder(13).Input("x", Float, 1, "L").Random("w", 1, 1, 5, 3).Node("MatMul", "x w", "y").Output("y"));
        Assert.Equal(5, found.Options.Dimensions["L"]);
    }

    [Fact]
    public void A_size_of_the_user_that_does_not_fit_is_replaced()
    {
        var found = Agrees(new OnnxBuilder(13).Input("x", Float, 1, "L").Random("w", 1, 1, 5, 3).Node("MatMul", "x w", "y").Output("y"), new ConversionOptions { Dimensions = new Dictionary<string, int> { ["L"] = 4 } });
        Assert.Equal(5, found.Options.Dimensions["L"]);
        Assert.Equal("--dim L=5", CommandText.Added(found.Needs[0].Before, found.Needs[0].After));
    }

    [Fact]
    public void Several_needs_are_found_one_after_another()
    {
        var model = new OnnxBuilder(13).Input("x", Float, 1, "L").Random("w", 1, 1, 5, 3).Node("MatMul", "x w", "y").Output("y").Node("Multinomial", "y", "action", ("sample_size", 1), ("dtype", Int64)).Output("action", Int64);
        var found = Agrees(model);
        Assert.Equal(["action"], found.Options.DropOutputs);
        Assert.Equal(2, found.Needs.Count);
        Assert.Equal(5, found.Options.Dimensions["L"]);
        Assert.Equal(["Multinomial"], found.Sources[0].Unsupported);
    }

    [Fact]
    public void States_that_the_user_must_choose_leave_the_command_without_any()
    {
        // Two layers of one weight: either's last state may be the next content.
        var model = new OnnxBuilder(13).Input("x", Float, 1, 1, 3).Input("h", Float, 1, 1, 4).Random("W", 1, 0.5f, 1, 4, 3).Random("V", 3, 0.5f, 1, 4, 3).Random("R", 2, 0.5f, 1, 4, 4)
            .Node("RNN", "x W R - - h", "- a", ("hidden_size", 4)).Node("RNN", "x V R - - h", "- b", ("hidden_size", 4)).Output("a").Output("b");
        var found = Agrees(model);
        Assert.False(found.Options.AutoStates);
        Assert.Contains("--state h=a", found.Needs[0].Why.Message, StringComparison.Ordinal);
    }

    private static Diagnosis Agrees(OnnxBuilder model, ConversionOptions? options = null)
    {
        using var file = new TemporaryModel(model.Model.ToByteArray());
        return Agrees(file.Path, options);
    }

    /// <summary>Runs convert with the words of the doctor's command. Without what the doctor added, convert refuses for the cause that the doctor tells.</summary>
    private static Diagnosis Agrees(string path, ConversionOptions? options = null)
    {
        using var cli = new Commands.CommandLine();
        (string, string)[] sources = [("main", path)];
        var found = Diagnosis.Of(sources, options ?? new ConversionOptions());
        string[] Words(ConversionOptions chosen)
        {
            var words = CommandText.ConvertWords(sources, chosen);
            words[words.IndexOf("-o") + 1] = cli["converted.seq"];
            return [.. words];
        }

        foreach (var (before, why) in found.Needs.Select(n => (n.Before, n.Why)).Concat(found.Refusal is { } refusal ? [(found.Options, refusal)] : []))
        {
            Assert.Equal(1, cli.Run(Words(before)));
            Assert.Contains(why.Message.TrimEnd('.'), cli.Error, StringComparison.Ordinal);
        }

        if (found.Refusal is not null) return found;
        cli.Good(Words(found.Options));
        Assert.Equal(["converted.seq"], cli.Files);
        return found;
    }
}
