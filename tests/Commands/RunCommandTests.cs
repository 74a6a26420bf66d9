using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.IO;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Commands;

public sealed class RunCommandTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public RunCommandTests() => TinyModel.Write(Model);

    private string Model => _cli["tiny.seq"];

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Steps_carry_the_state_and_stack_the_outputs()
    {
        Save("x.npy", NpyArray.From([4, 1, 3], [1f, 10, 100, 2, 20, 200, 3, 30, 300, 4, 40, 400]));

        _cli.Good("run", Model, "--graph", "sum", "--input", $"x={_cli["x.npy"]}", "--step", "-o", _cli["y.npy"]);

        var y = NpyReader.ReadFile(_cli["y.npy"]);
        Assert.Equal([4, 1, 3], y.Shape);
        Assert.Equal([1f, 10, 100, 3, 30, 300, 6, 60, 600, 10, 100, 1000], y.As<float>());
        Assert.Contains("4 steps", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"y\s+float32\s+\[4, 1, 3\]\s+min 1\s+max 1000\s+mean 185", _cli.Out);
    }

    [Fact]
    public void A_whole_sequence_sets_the_symbolic_size_and_npz_goes_in_and_out()
    {
        using (var stream = File.Create(_cli["in.npz"]))
            NpzFile.Write(stream, [new("sequence", NpyArray.From(StoredType.Float64, [3, 2], [1.0, 1, 2, 2, 4, -8]))]);

        var report = _cli.Json("run", Model, "--graph", "half", "--inputs", _cli["in.npz"], "-o", _cli["out.npz"], "--kernels", "portable", "--repeat", "5", "--json");

        var arrays = NpzFile.ReadFile(_cli["out.npz"]).ToDictionary();
        Assert.Equal([3, 2], arrays["scaled"].Shape);
        Assert.Equal([0.5f, 2, 1, 4, 2, -16], arrays["scaled"].As<float>());
        Assert.Equal([-1f, -1, -2, -2, -4, 8], arrays["negative"].As<float>());
        Assert.Equal("portable", report.GetProperty("kernels").GetString());
        Assert.Equal(1, report.GetProperty("steps").GetInt32());
        Assert.Equal(-16, report.GetProperty("outputs")[0].GetProperty("min").GetDouble());
        Assert.Equal(5, report.GetProperty("timing").GetProperty("runs").GetInt32());
    }

    [Fact]
    public void A_profile_names_each_operator_with_its_calls_and_share()
    {
        Save("x.npy", NpyArray.From([4, 1, 3], new float[12]));
        string[] run = ["run", Model, "--graph", "sum", "--input", $"x={_cli["x.npy"]}", "--step", "--repeat", "3", "--profile"];
        var profile = _cli.Json([.. run, "--json"]).GetProperty("profile");
        var nodes = profile.GetProperty("nodes").EnumerateArray().ToList();
        Assert.NotEmpty(nodes);
        Assert.All(nodes, node => Assert.Equal(12, node.GetProperty("calls").GetInt32()));
        Assert.Contains(nodes, node => node.GetProperty("operator").GetString() == "Binary Add" && node.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).SequenceEqual([1, 3]));
        Assert.Equal(nodes.Count, profile.GetProperty("operators").EnumerateArray().Sum(kind => kind.GetProperty("nodes").GetInt32()));
        Assert.Equal(1, nodes.Sum(node => node.GetProperty("share").GetDouble()), 6);

        _cli.Good(run);
        Assert.Matches(@"Binary Add\s+1\s+12\s+\d+\.\d\d\s+[\d.]+%", _cli.Out);
        _cli.Good(run[..^1]);
        Assert.DoesNotContain("Binary Add", _cli.Out, StringComparison.Ordinal);
    }

    /// <summary>The first step of an exported decoder has an empty cache.</summary>
    [Fact]
    public void An_array_of_size_0_runs()
    {
        Save("s.npy", NpyArray.From([0, 2], Array.Empty<float>()));
        _cli.Good("run", Model, "-g", "half", "-i", $"sequence={_cli["s.npy"]}", "-o", _cli["out.npz"]);
        Assert.Equal([0, 2], NpzFile.ReadFile(_cli["out.npz"]).ToDictionary()["scaled"].Shape);
        Assert.Matches(@"scaled\s+float32\s+\[0, 2\]\s+empty", _cli.Out);
        _cli.Good("run", Model, "-g", "half", "-i", $"sequence={_cli["s.npy"]}", "--size", "T=0");
    }

    [Fact]
    public void A_run_of_more_work_than_the_limit_says_what_lets_it()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var large = graph.Node(OpKind.Expand, [graph.Input("x", ElementType.Float32, 1), graph.Constant<long>("shape", [2], 8192L, 8192L)]);
        graph.Output("y", graph.Node(OpKind.MatMul, [large, large]));
        File.WriteAllBytes(_cli["heavy.seq"], SeqWriter.ToArray(model));
        Save("x.npy", NpyArray.From([1], [1f]));
        _cli.Fails(1, ["run", _cli["heavy.seq"], "-i", $"x={_cli["x.npy"]}"], $"{WorkLimit.Variable}=3");

        Assert.Equal(123, WorkLimit.Read("123"));
        Assert.Equal(SeqSessionOptions.DefaultWorkLimit, WorkLimit.Read(text: null));
        Assert.Contains(WorkLimit.Variable, Assert.Throws<UsageException>(() => WorkLimit.Read("much")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_gets_one_file_an_output()
    {
        Save("s.npy", NpyArray.From([1, 2], [1f, float.NaN]));
        _cli.Good("run", Model, "-g", "half", "-i", $"sequence={_cli["s.npy"]}", "-o", _cli["out/"]);
        Assert.Equal(["negative.npy", "scaled.npy"], Directory.GetFiles(_cli["out"]).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.Contains("1 not finite", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Repetitions_start_from_a_reset_state()
    {
        Save("x.npy", NpyArray.From([2, 1, 3], [1f, 1, 1, 1, 1, 1]));
        var report = _cli.Json("run", Model, "-g", "sum", "-i", $"x={_cli["x.npy"]}", "--step", "-r", "3", "--json");
        Assert.Equal(2, report.GetProperty("outputs")[0].GetProperty("max").GetDouble());
        Assert.Equal(6, report.GetProperty("timing").GetProperty("runs").GetInt32());
    }

    [Fact]
    public void Faults_of_inputs_name_the_input_what_is_wanted_and_what_was_found()
    {
        var x = Save("x.npy", NpyArray.From([1, 4], [1f, 2, 3, 4]));
        var steps = Save("steps.npy", NpyArray.From([5, 1, 3], new float[15]));
        var whole = Save("whole.npy", NpyArray.From(StoredType.Int64, [1, 3], [1L, 2, 3]));
        File.WriteAllText(_cli["text.npy"], "x y z");

        Fails("input 'x' float32 [1, 3] of graph 'sum' is missing; give --input x=FILE.npy");
        Fails("has no input 'z'; it has x float32 [1, 3]", "-i", $"z={x}");
        Fails("input 'x' is float32 [1, 3], the array is [1, 4]; reshape the array", "-i", $"x={x}");
        Fails("the array is [5, 1, 3]; give --step", "-i", $"x={steps}");
        Fails("input 'x' is float32, the array is int64; save it as array.astype('float32')", "-i", $"x={whole}");
        Fails("no input has a step axis", "--step", "-i", $"x={Save("one.npy", NpyArray.From([1, 3], new float[3]))}");
        Fails("this is not a .npy file", "-i", $"x={_cli["text.npy"]}");
        File.WriteAllText(_cli["text.npz"], "x y z");
        Fails("the .npz archive is damaged", "--inputs", _cli["text.npz"]);
        using (var stream = File.Create(_cli["in.npz"])) NpzFile.Write(stream, [new("x", NpyArray.From([1, 3], new float[3]))]);
        Fails($"this is an archive, not a .npy file; give it with --inputs {_cli["in.npz"]}", "-i", $"x={_cli["in.npz"]}");
        Fails($"this is a single array, not a .npz archive; give it with --input NAME={whole}", "--inputs", whole);
        Fails("there is no such file", "-i", $"x={_cli["none.npy"]}");
        _cli.Fails(2, ["run", Model], "several graphs: give --graph one of sum, half");
        _cli.Fails(2, ["run", Model, "-g", "mask"], "no graph 'mask'");
        _cli.Fails(2, ["run", Model, "-g", "sum", "--size", "T=4"], "no symbolic dimension");
        _cli.Fails(2, ["run", Model, "-g", "half", "--size", "N=4"], "symbolic dimensions T");
        Assert.DoesNotContain(_cli.Files, f => f.Contains("out", StringComparison.Ordinal));

        void Fails(string part, params string[] more) => _cli.Fails(1, ["run", Model, "-g", "sum", "-o", _cli["out.npz"], .. more], part);
    }

    [Fact]
    public void A_target_that_cannot_be_written_is_named_before_anything_is_run()
    {
        var nowhere = Path.Combine(_cli["nowhere"], "y.npz");
        var tooLong = _cli[new string('x', 248) + ".npz"];
        File.WriteAllText(_cli["file"], "");
        _cli.Fails(1, ["run", Model, "-g", "sum", "-o", nowhere], $"{nowhere}: it cannot be written: there is no directory '{_cli["nowhere"]}'; create it first");
        _cli.Fails(1, ["run", Model, "-g", "sum", "-o", tooLong], $"{tooLong}: it cannot be written: ");
        Assert.DoesNotContain(".tmp", _cli.Error, StringComparison.Ordinal);
        _cli.Fails(2, ["run", Model, "-g", "sum", "-o", _cli["file"] + "/"], "this is a file; give a directory");
        Assert.Equal(["file", "tiny.seq"], _cli.Files);
    }

    [Fact]
    public void An_npy_target_needs_exactly_one_output()
    {
        var s = Save("s.npy", NpyArray.From([1, 2], [1f, 2]));
        _cli.Fails(2, ["run", Model, "-g", "half", "-i", $"sequence={s}", "-o", _cli["y.npy"]], "2 outputs; write FILE.npz");
    }

    private string Save(string name, NpyArray array)
    {
        AtomicFile.Write(_cli[name], stream => NpyWriter.Write(stream, array));
        return _cli[name];
    }
}
