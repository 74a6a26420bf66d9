using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers;

/// <summary>Weights in several files beside an index are one weight file, in safetensors and PyTorch's format; what is missing is named.</summary>
public sealed class WeightIndexTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly float[] _a = Numbers.Random(1, 12), _b = Numbers.Random(2, 8);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.safetensors.index.json", "")]
    [InlineData("pytorch_model.bin.index.json", "")]
    [InlineData("model.safetensors.index.json", "deep/")]
    public void The_files_are_read_as_one(string index, string inner)
    {
        Shards(inner, index.Contains("bin", StringComparison.Ordinal));
        _folder.Write(inner + index, Index(("a.weight", "one"), ("b.weight", "two")));
        using var model = SeqModel.Load(Convert(inner + index).File);
        using var session = model.CreateSession();
        float[] x = [0.5f, -1, 2];
        x.CopyTo(session.Input<float>(0));
        session.Run();
        var hidden = Enumerable.Range(0, 4).Select(row => Enumerable.Range(0, 3).Sum(i => (double)_a[row * 3 + i] * x[i])).ToArray();
        Numbers.Near(Enumerable.Range(0, 2).Select(row => Enumerable.Range(0, 4).Sum(i => _b[row * 4 + i] * hidden[i])), session.Output<float>(0), 1e-5);
    }

    [Fact]
    public void Scaffold_and_doctor_take_the_index()
    {
        using var cli = new Commands.CommandLine();
        foreach (var (name, tensor, shape, values) in ((string, string, int[], float[])[])[("one", "a.weight", [4, 3], _a), ("two", "b.weight", [2, 4], _b)]) File.WriteAllBytes(cli[name], Safetensors.File((tensor, shape, values)));
        File.WriteAllText(cli["model.safetensors.index.json"], Index(("a.weight", "one"), ("b.weight", "two")));
        cli.Good("scaffold", cli["model.safetensors.index.json"], "-o", cli["model.json"], "--set", "function=linear");
        Assert.Contains("the index of weights in several files, 2 tensors, 20 parameters", cli.Out, StringComparison.Ordinal);
        cli.Good("convert", cli["model.json"], "-o", cli["model.seq"]);
        cli.Fails(1, ["convert", cli["model.safetensors.index.json"], "-o", cli["model.seq"]], "weights but no architecture", "seqconvert scaffold model.safetensors.index.json");
        cli.Run("doctor", cli["model.safetensors.index.json"]);
        Assert.Contains("20", cli.Out, StringComparison.Ordinal);
        cli.Fails(2, ["scaffold", cli["model.safetensors.index.json"], "--set", "heads=4"], "the draft has no such question; it asks function");
    }

    [Fact]
    public void All_missing_files_are_named()
    {
        _folder.Write("i.json", Index(("a.weight", "one"), ("b.weight", "two")));
        Assert.Contains("it names 2 files with weights: 'one' is missing; put the file beside the model; 'two' is missing", Refusal("i.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../one", "outside the model's folder")]
    [InlineData("/etc/hostname", "outside the model's folder")]
    [InlineData(".", "is a directory")]
    [InlineData("i.json", "give a file that holds weights itself")]
    [InlineData("text", "text that is not JSON")]
    public void No_other_file_is_read(string name, string says)
    {
        _folder.Write("text", "a b c\n");
        _folder.Write("i.json", Index(("a.weight", name)));
        Assert.Contains(says, Refusal("i.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "weight_map": [] }""", "'weight_map' is not an object")]
    [InlineData("""{ "weight_map": {} }""", "'weight_map' is empty")]
    [InlineData("""{ "weight_map": { "a": 1 } }""", "'a' has no name of a file")]
    [InlineData("""{ "weight_map": { "c.weight": "one", "a.weight": "one" } }""", "'c.weight' is not in 'one'; download these files and the index again")]
    public void A_damaged_index_is_refused(string index, string says)
    {
        Shards("", isTorch: false);
        _folder.Write("i.json", index);
        Assert.Contains(says, Refusal("i.json"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_index_tells_which_tensor_of_a_name_is_meant()
    {
        _folder.Write("one", Safetensors.File(("a.weight", [4, 3], _a), ("b.weight", [2, 4], new float[8])));
        _folder.Write("two", Safetensors.File(("b.weight", [2, 4], _b)));
        _folder.Write("i.json", Index(("a.weight", "one"), ("b.weight", "two")));
        Assert.NotEmpty(Convert("i.json").File);
        _folder.Write("i.json", Index(("a.weight", "one"), ("c.weight", "two")));
        _folder.Write("two", Safetensors.File(("b.weight", [2, 4], _b), ("c.weight", [1], [1])));
        Assert.Contains("'b.weight' is in several files", Refusal("i.json"), StringComparison.Ordinal);
    }

    /// <summary>A file with several names is read once.</summary>
    [Fact]
    public void A_file_may_have_several_names()
    {
        _folder.Write("one", Safetensors.File(("a.weight", [4, 3], _a), ("b.weight", [2, 4], _b)));
        _folder.Write("i.json", Index(("a.weight", "one"), ("b.weight", "./one")));
        Assert.NotEmpty(Convert("i.json").File);
    }

    /// <summary>Each file may unpack to 64 MiB and 16 times its size, and all of them together too.</summary>
    [Fact]
    public void Packed_files_have_one_limit_together()
    {
        var packed = Packed(Safetensors.File(("a.weight", [10, 1 << 20], new float[10 << 20])));
        _folder.Write("one", packed);
        _folder.Write("i.json", Index(("a.weight", "one")));
        _folder.Write("two", packed);
        Assert.DoesNotContain("together", Refusal("i.json"), StringComparison.Ordinal);
        _folder.Write("i.json", Index(("a.weight", "one"), ("b.weight", "two")));
        Assert.Contains(" MiB together, which is over 16 times their size", Refusal("i.json"), StringComparison.Ordinal);
    }

    /// <summary>The length in one file and the direction in another.</summary>
    [Fact]
    public void Pairs_of_weight_norm_may_be_in_two_files()
    {
        _folder.Write("one", Safetensors.File(("a.weight_g", [1, 1], [10]), ("b.weight", [2, 1], [1, 2])));
        _folder.Write("two", Safetensors.File(("a.weight_v", [1, 3], [3, 4, 0])));
        _folder.Write("i.json", Index(("a.weight_g", "one"), ("a.weight_v", "two"), ("b.weight", "one")));
        using var model = SeqModel.Load(Convert("i.json").File);
        using var session = model.CreateSession();
        new float[] { 1, 0.5f, 9 }.CopyTo(session.Input<float>(0));
        session.Run();
        Numbers.Near([10, 20], session.Output<float>(0), 1e-5);
    }

    private void Shards(string inner, bool isTorch)
    {
        byte[] File(string name, int[] shape, float[] values)
        {
            var checkpoint = new TorchCheckpoint();
            return isTorch ? checkpoint.File(new TorchDict((name, checkpoint.Store(values, shape)))) : Safetensors.File((name, shape, values));
        }

        _folder.Write(inner + "one", File("a.weight", [4, 3], _a));
        _folder.Write(inner + "two", File("b.weight", [2, 4], _b));
    }

    private static byte[] Packed(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest)) gzip.Write(content);
        return packed.ToArray();
    }

    private static string Index(params (string Tensor, string File)[] map) => $$"""{ "metadata": { "total_size": 80 }, "weight_map": { {{string.Join(", ", map.Select(entry => $"\"{entry.Tensor}\": \"{entry.File}\""))}} } }""";

    private ConversionResult Convert(string weights)
    {
        var path = _folder.Write("model.json", $$"""
            { "weights": "{{weights}}", "graphs": { "main": { "inputs": { "x": { "shape": [1, 3] } }, "layers": [
              { "kind": "linear", "input": "x", "weights": "a", "output": "h" }, { "kind": "linear", "input": "h", "weights": "b", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        return Conversion.Convert([("main", path)], new ConversionOptions());
    }

    private string Refusal(string weights) => Assert.Throws<ConversionException>(() => Convert(weights)).Message;
}
