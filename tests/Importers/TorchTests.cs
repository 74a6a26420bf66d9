using System.Globalization;
using System.IO.Compression;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Tests.Importers;

/// <summary>PyTorch's files as weight files: every tensor that torch.save writes, names with and without wrappers, and what is refused.</summary>
public sealed class TorchTests
{
    private static readonly float[] s_six = [0, 1, 2, 3, 4, 5];

    /// <summary>Outputs are those of the same weights in an .npz file, to the bit.</summary>
    [Theory]
    [InlineData(2, "m.pth", CompressionLevel.NoCompression)]
    [InlineData(4, "m.bin", CompressionLevel.Fastest)]
    [InlineData(5, "m.ckpt", CompressionLevel.NoCompression)]
    public void A_description_reads_a_checkpoint(int protocol, string name, CompressionLevel level)
    {
        using var files = new WeightFiles();
        var checkpoint = new TorchCheckpoint(protocol, folder: "m/", level: level);
        (object, object?)[] Add(params (string Name, int[] Shape)[] tensors) => [.. tensors.Select(t => ((object)t.Name, (object?)checkpoint.Store([.. files.Random(t.Name, t.Shape).Select(v => (float)v)], t.Shape)))];
        var weights = Add(("rnn.weight_ih_l0", [16, 3]), ("rnn.weight_hh_l0", [16, 4]), ("rnn.bias_ih_l0", [16]), ("rnn.bias_hh_l0", [16]), ("head.weight", [2, 4]), ("head.bias", [2]));
        var description = WeightFiles.Graph("[1, 5, 3]", """{ "kind": "lstm", "input": "x", "weights": "rnn", "output": "r" }, { "kind": "linear", "input": "r", "weights": "head", "output": "y" }""");
        var expected = Outputs(files.Convert(description).File);
        var moment = checkpoint.Store([1, 2], 2);
        var file = checkpoint.File(new TorchDict(("epoch", 3), ("loss", 0.25), ("model", new TorchDict(weights)), ("optimizer", new TorchDict(("state", new TorchDict((0, new TorchDict(("step", moment), ("exp_avg", moment)))))))));
        File.WriteAllBytes(files.Path(name), file);
        File.WriteAllText(files.Path("model.json"), description.Replace("weights.npz", name, StringComparison.Ordinal));
        var result = SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", files.Path("model.json"))], new ConversionOptions());
        Assert.Equal(expected, Outputs(result.File));
        Assert.Contains($"unused in {name}: the optimizer's state (2)", result.Graphs[0].Notes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_type_is_read(bool isBigEndian)
    {
        var checkpoint = new TorchCheckpoint(bigEndian: isBigEndian);
        var weights = Read(checkpoint.File(new TorchDict(
            ("f32", checkpoint.Store([1.5f, -2], 2)),
            ("f64", checkpoint.Store("DoubleStorage", [1.5, 0.1], 2)),
            ("f16", checkpoint.Store("HalfStorage", [(Half)1.5, (Half)(-0.25)], 2)),
            ("bf16", checkpoint.Store<ushort>("BFloat16Storage", [0x3FC0, 0xC000], 2)),
            ("i64", checkpoint.Store("LongStorage", [1L << 40, -1], 2)),
            ("i32", checkpoint.Store("IntStorage", [70000, -1], 2)),
            ("i16", checkpoint.Store<short>("ShortStorage", [300, -1], 2)),
            ("i8", checkpoint.Store<sbyte>("CharStorage", [5, -1], 2)),
            ("u8", checkpoint.Store<byte>("ByteStorage", [5, 255], 2)),
            ("bool", checkpoint.Store("BoolStorage", [true, false], 2)),
            ("v3", checkpoint.Store([2.5f, 3], 2) with { Type = "UntypedStorage", Count = 8, OfBytes = "float32" }))));
        foreach (var (name, values) in ((string, float[])[])[("f32", [1.5f, -2]), ("f64", [1.5f, 0.1f]), ("f16", [1.5f, -0.25f]), ("bf16", [1.5f, -2]), ("v3", [2.5f, 3])]) Assert.Equal(values, weights.Read(name)!.ToFloats());
        foreach (var (name, type, values) in ((string, ElementType, long[])[])[("i64", ElementType.Int64, [1L << 40, -1]), ("i32", ElementType.Int32, [70000, -1]), ("i16", ElementType.Int32, [300, -1]), ("i8", ElementType.Int8, [5, -1]), ("u8", ElementType.UInt8, [5, 255]), ("bool", ElementType.Bool, [1, 0])])
        {
            Assert.Equal(type, weights.TypeOf(name));
            Assert.Equal(values, weights.Read(name)!.Integers());
        }
    }

    [Fact]
    public void A_number_beyond_float32_is_refused_when_it_is_used()
    {
        var checkpoint = new TorchCheckpoint();
        var weights = Read(checkpoint.File(new TorchDict(("w", checkpoint.Store("DoubleStorage", [1e300, 1], 2)))));
        Assert.Contains("beyond", Assert.Throws<ConversionException>(() => weights.Read("w")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_of_one_storage_are_read()
    {
        var checkpoint = new TorchCheckpoint();
        var all = checkpoint.Store(s_six, 2, 3);
        var weights = Read(checkpoint.File(new TorchDict(
            ("transposed", all with { Shape = [3, 2], Strides = [1, 3] }),
            ("column", all with { Offset = 1, Shape = [2], Strides = [3] }),
            ("last", all with { Offset = 4, Shape = [2], Strides = [1] }),
            ("spread", all with { Offset = 2, Shape = [2, 3], Strides = [1, 0] }),
            ("number", all with { Offset = 5, Shape = [], Strides = [] }),
            ("none", all with { Offset = 6, Shape = [0, 3], Strides = [3, 1] }),
            ("one", all with { Offset = 5, Shape = [1, 1], Strides = [1000, 7] }),
            ("parameter", all with { IsParameter = true }))));
        foreach (var (name, shape, values) in ((string, int[], float[])[])[("transposed", [3, 2], [0, 3, 1, 4, 2, 5]), ("column", [2], [1, 4]), ("last", [2], [4, 5]), ("spread", [2, 3], [2, 2, 2, 3, 3, 3]), ("number", [], [5]), ("none", [0, 3], []), ("one", [1, 1], [5]), ("parameter", [2, 3], s_six)])
        {
            Assert.Equal(shape, weights.Read(name)!.Shape);
            Assert.Equal(values, weights.Read(name)!.ToFloats());
        }
    }

    [Fact]
    public void Names_may_leave_out_wrappers_and_keys()
    {
        var checkpoint = new TorchCheckpoint();
        TorchView Number(float value) => checkpoint.Store([value], 1);
        var weights = Read(checkpoint.File(new TorchDict(
            ("state_dict", new TorchDict(("module._orig_mod.rnn.weight", Number(1)), ("model.fc._orig_mod.bias", Number(2)), ("twice", Number(3)), ("direct", Number(4)))),
            ("model", new TorchDict(("twice", Number(5)))),
            ("direct", Number(6)),
            ("layers", new List<object?> { Number(7), new TorchDict(("w", Number(8))) }))));
        foreach (var (name, value) in ((string, float)[])[("rnn.weight", 1), ("_orig_mod.rnn.weight", 1), ("module._orig_mod.rnn.weight", 1), ("state_dict.rnn.weight", 1), ("fc.bias", 2), ("model.fc.bias", 2), ("fc._orig_mod.bias", 2), ("direct", 6), ("state_dict.direct", 4), ("model.twice", 5), ("layers.0", 7), ("layers.1.w", 8)])
        {
            Assert.True(weights.Has(name), name);
            Assert.Equal(value, weights.Read(name)!.Floats[0]);
        }

        Assert.True(weights.Has("twice"));
        Assert.Contains("the name 'twice' may be 'state_dict.twice' or 'model.twice'; give the whole name", Assert.Throws<ConversionException>(() => weights.Read("twice")).Message, StringComparison.Ordinal);
        Assert.Null(weights.Read("weight"));
        Assert.Empty(weights.Unused().Select(unused => unused.Name).Except(["state_dict.twice"]));
    }

    /// <summary>w = g · v / ‖v‖ with one length for each row, each column, or all.</summary>
    [Theory]
    [InlineData("weight_g", "weight_v", "weight")]
    [InlineData("rnn.weight_hh_l0_g", "rnn.weight_hh_l0_v", "rnn.weight_hh_l0")]
    [InlineData("parametrizations.weight.original0", "parametrizations.weight.original1", "weight")]
    [InlineData("c.parametrizations.weight.original0", "c.parametrizations.weight.original1", "c.weight")]
    public void Weight_norm_is_computed(string length, string direction, string whole)
    {
        float[] v = [3, 4, 0, 1, 2, 2];
        foreach (var (g, shape) in ((float[], int[])[])[([10, 6], [2, 1]), ([1, 2, 3], [1, 3]), ([7], []), ([7], [1, 1])])
        {
            var checkpoint = new TorchCheckpoint();
            var weights = Read(checkpoint.File(new TorchDict((length, checkpoint.Store(g, shape)), (direction, checkpoint.Store(v, 2, 3)))));
            var expected = new double[6];
            for (var i = 0; i < 6; i++)
            {
                int Place(int at) => g.Length == 1 ? 0 : g.Length == 2 ? at / 3 : at % 3;
                var norm = Math.Sqrt(Enumerable.Range(0, 6).Where(at => Place(at) == Place(i)).Sum(at => (double)v[at] * v[at]));
                expected[i] = g[Place(i)] * v[i] / norm;
            }

            Numbers.Near(expected, weights.Read(whole)!.Floats, 1e-6);
            Assert.Equal([2, 3], weights.Read(whole)!.Shape);
            Assert.Equal([whole], weights.Names);
        }
    }

    /// <summary>The same pairs in safetensors, npz and JSON: 10 · [3, 4] / 5.</summary>
    [Theory]
    [InlineData("weight_g", "weight_v", "weight")]
    [InlineData("c.parametrizations.weight.original0", "c.parametrizations.weight.original1", "c.weight")]
    public void Weight_norm_is_computed_in_every_format(string length, string direction, string whole)
    {
        using var npz = new MemoryStream();
        NpzFile.Write(npz, [new(length, NpyArray.From([1, 1], new float[] { 10 })), new(direction, NpyArray.From([1, 2], new float[] { 3, 4 }))]);
        var json = System.Text.Encoding.UTF8.GetBytes($$"""{ "model_state_dict": { "{{length}}": [[10]], "{{direction}}": [[3, 4]] } }""");
        foreach (var file in (byte[][])[Safetensors.File((length, [1, 1], [10]), (direction, [1, 2], [3, 4])), npz.ToArray(), json])
        {
            var weights = WeightFile.Read("w", file);
            Assert.Equal([whole], weights.Names);
            Numbers.Near([6, 8], weights.Read(whole)!.Floats, 1e-6);
        }
    }

    [Fact]
    public void Other_pairs_of_tensors_stay()
    {
        var checkpoint = new TorchCheckpoint();
        var two = checkpoint.Store([1, 2], 2);
        string[] names = ["a.weight_g", "a.weight_v", "b.weight_v", "c.weight", "c.weight_g", "c.weight_v"];
        Assert.Equal(names, Read(checkpoint.File(new TorchDict([.. names.Select(name => ((object)name, (object?)(name == "a.weight_g" ? checkpoint.Store([1, 2, 3], 3) : two)))]))).Names);
    }

    [Fact]
    public void A_later_value_of_a_key_replaces_the_earlier()
    {
        var checkpoint = new TorchCheckpoint();
        Assert.Equal(2, Read(checkpoint.File(new TorchDict(("w", checkpoint.Store([1], 1)), ("w", checkpoint.Store([2], 1))))).Read("w")!.Floats[0]);
    }

    [Fact]
    public void A_module_of_TorchScript_gives_its_weights()
    {
        var checkpoint = new TorchCheckpoint();
        var weight = checkpoint.Store([1, 2], 1, 2);
        var list = new TorchCall(new TorchName("torch.jit._pickle", "build_tensorlist"), new List<object?> { weight });
        var weights = Read(checkpoint.File(new TorchModule("Net", ("training", false), ("fc", new TorchModule("torch.nn.modules.linear.Linear", ("weight", weight), ("_flat_weights", list))))));
        Assert.Equal(["fc.weight"], weights.Names);
    }

    /// <summary>The walking policy of a robot: LSTM 47 to 64, two linear layers, against the outputs in double precision that lie beside it.</summary>
    [Fact]
    public void A_real_TorchScript_policy_is_described()
    {
        var (model, expected) = (Models.Need("unitree-g1/motion.pt"), Models.Need("unitree-g1/expected.csv"));
        using var folder = new TemporaryFolder();
        File.Copy(model, folder["motion.pt"]);
        folder.Write("g1.json", """
            { "weights": "motion.pt", "graphs": { "main": { "inputs": { "x": { "shape": [1, 1, 47] } },
              "states": { "h": { "shape": [1, 1, 64], "update": "h1" }, "c": { "shape": [1, 1, 64], "update": "c1" } }, "layers": [
              { "kind": "lstm", "input": "x", "weights": "memory", "initial": "h", "initial_cell": "c", "final": "h1", "final_cell": "c1", "output": "r" },
              { "kind": "linear", "input": "r", "weights": "actor.0", "output": "a" }, { "kind": "activation", "function": "elu", "input": "a", "output": "b" },
              { "kind": "linear", "input": "b", "weights": "actor.2", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        using var loaded = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder["g1.json"])], new ConversionOptions()).File);
        using var session = loaded.CreateSession();
        var steps = 0;
        foreach (var line in File.ReadLines(expected).Where(line => char.IsAsciiDigit(line[0])))
        {
            for (var k = 0; k < 47; k++) session.Input<float>(0)[k] = (float)(0.5 * Math.Sin(0.2 * (steps + 1) + 0.3 * k));
            session.Run();
            Numbers.Near(line.Split(',')[1..].Select(value => double.Parse(value, CultureInfo.InvariantCulture)), session.Output<float>(0), 1e-4);
            steps++;
        }

        Assert.Equal(20, steps);
    }

    [Theory]
    [InlineData("builtins", "eval", "names 'builtins.eval', and only tensors")]
    [InlineData("posix", "system", "names 'posix.system'")]
    [InlineData("argparse", "ArgumentParser", "torch.save(m.state_dict()")]
    [InlineData("builtins", "exec", "names 'builtins.exec'")]
    [InlineData("os", "system", "names 'os.system'")]
    [InlineData("builtins", "getattr", "names 'builtins.getattr'")]
    [InlineData("torch.nn.modules.rnn", "LSTM", "names 'torch.nn.modules.rnn.LSTM'")]
    [InlineData("numpy.core.multiarray", "fromfile", "names 'numpy.core.multiarray.fromfile'")]
    [InlineData("torch._utils", "_rebuild_qtensor", "quantized ('torch._utils._rebuild_qtensor')")]
    [InlineData("torch", "qint8", "before its quantization")]
    [InlineData("__torch__.torch.classes.quantized", "LinearPackedParamsBase", "before its quantization")]
    [InlineData("torch", "complex64", "save them as float32")]
    [InlineData("torch.storage", "_load_from_bytes", "names 'torch.storage._load_from_bytes'")]
    public void Other_names_are_refused(string module, string name, string says)
    {
        foreach (var protocol in (int[])[2, 4])
        {
            var checkpoint = new TorchCheckpoint(protocol);
            var refusal = Refusal(checkpoint.File(new TorchDict(("w", checkpoint.Store([1], 1)), ("other", new TorchCall(new TorchName(module, name), "x")))));
            Assert.StartsWith("m.pt: ", refusal, StringComparison.Ordinal);
            Assert.Contains(says, refusal, StringComparison.Ordinal);
        }
    }

    /// <summary>torch.save(model) pickles the object: its tensors are read as in its state_dict, and the code of its class is not needed.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(4, false)]
    public void The_weights_of_a_whole_module_are_read(int protocol, bool isOld)
    {
        var checkpoint = new TorchCheckpoint(protocol);
        TorchView Number(float value) => checkpoint.Store([value], 1) with { IsParameter = true };
        var flat = Number(9);
        var rnn = Whole("torch.nn.modules.rnn", "LSTM", [("weight_ih_l0", Number(1))], [], [], ("hidden_size", 4), ("_flat_weights", new List<object?> { flat }));
        var norm = Whole("torch.nn.modules.batchnorm", "BatchNorm1d", [("weight", null), ("bias", Number(2))], [("running_mean", Number(3))], []);
        var model = Whole("__main__", "Tagger", [("scale", Number(4))], [], [("rnn", rnn), ("norm", norm)], ("act", new TorchName("torch.nn.functional", "relu")), ("names", new TorchCall(new TorchName("builtins", "set"), new List<object?> { "a" })));
        foreach (var root in (object[])[model, new TorchDict(("epoch", 3), ("model", model))])
        {
            var weights = isOld ? TorchFile.ReadOld(checkpoint.OldFile(root), "m.pt") : Read(checkpoint.File(root));
            Assert.Equal(["scale", "rnn.weight_ih_l0", "norm.bias", "norm.running_mean"], weights.Names.Select(name => name.StartsWith("model.", StringComparison.Ordinal) ? name[6..] : name));
            foreach (var (name, value) in ((string, float)[])[("scale", 4), ("rnn.weight_ih_l0", 1), ("norm.bias", 2), ("norm.running_mean", 3)]) Assert.Equal(value, weights.Read(name)!.Floats[0]);
            Assert.Equal(["torch.nn.functional.relu"], weights.Ignored);
        }
    }

    /// <summary>Objects of other classes are left out beside a module, such as its settings; without one their file is refused, and calls always are.</summary>
    [Fact]
    public void Of_unknown_classes_only_modules_are_read()
    {
        var checkpoint = new TorchCheckpoint();
        var weight = checkpoint.Store([1], 1);
        var settings = new TorchWhole("my.settings", "Config", ("rate", 1), ("_parameters", new TorchDict(("hidden", weight))));
        Assert.Contains("names 'my.settings.Config'", Refusal(checkpoint.File(new TorchDict(("w", weight), ("settings", settings)))), StringComparison.Ordinal);
        var weights = Read(checkpoint.File(Whole("__main__", "Tagger", [("w", weight)], [], [], ("settings", settings))));
        Assert.Equal(["w"], weights.Names);
        Assert.Equal(["my.settings.Config"], weights.Ignored);
        foreach (var other in (object[])[new TorchName("posix", "system"), new TorchCall(new TorchName("posix", "system"), "x")])
            Assert.Contains("names 'posix.system'", Refusal(checkpoint.File(Whole("__main__", "Tagger", [("w", weight)], [], [], ("other", other)))), StringComparison.Ordinal);
    }

    private static TorchWhole Whole(string module, string name, (object, object?)[] parameters, (object, object?)[] buffers, (object, object?)[] modules, params (object, object?)[] more) =>
        new(module, name, [("training", true), ("_parameters", new TorchDict(parameters)), ("_buffers", new TorchDict(buffers)), ("_modules", new TorchDict(modules)), .. more]);

    /// <summary>Settings and numbers of well-known classes are not built: the tensors beside them are read, and a note names the classes.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Objects_of_known_settings_are_left_out(int protocol)
    {
        var checkpoint = new TorchCheckpoint(protocol);
        var loss = new TorchCall(new TorchName("numpy.core.multiarray", "scalar"), new TorchCall(new TorchName("numpy", "dtype"), "f8", false, true), new TorchCall(new TorchName("_codecs", "encode"), "x", "latin1"));
        var weights = Read(checkpoint.File(new TorchDict(
            ("best_loss", loss), ("args", new TorchCall(new TorchName("argparse", "Namespace"))), ("milestones", new TorchCall(new TorchName("collections", "Counter"), new TorchDict((30, 1)))),
            (new TorchName("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), 1), ("w", checkpoint.Store([1], 1)))));
        Assert.Equal(["w"], weights.Names);
        Assert.Equal(["_codecs.encode", "argparse.Namespace", "collections.Counter", "numpy.core.multiarray.scalar", "numpy.dtype", "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"], weights.Ignored);
    }

    /// <summary>What a pickle adds to such an object is dropped: attributes, items and elements. A set is one of them.</summary>
    [Theory]
    [InlineData("cargparse\nNamespace\n)\u0081}X\u0001\0\0\0aK\u0005sb")]
    [InlineData("ccollections\ndefaultdict\ncbuiltins\nlist\n\u0085RX\u0001\0\0\0aK\u0005s")]
    [InlineData("ccollections\ndeque\n)RK\u0005a(K\u0005K\u0006e")]
    [InlineData("ccopy_reg\n_reconstructor\ncargparse\nNamespace\nc__builtin__\nobject\nN\u0087R}b")]
    [InlineData("\u008f(K\u0001\u0090")]
    [InlineData("(K\u0001\u0091")]
    public void What_is_added_to_a_placeholder_is_dropped(string value)
    {
        var checkpoint = new TorchCheckpoint();
        var dict = checkpoint.Pickle(new TorchDict(("w", checkpoint.Store([1], 1))));
        var weights = Read(checkpoint.Zip([0x80, 2, (byte)'(', .. dict[2..^1], .. System.Text.Encoding.Latin1.GetBytes(value), (byte)'t', (byte)'.']));
        Assert.Equal(["0.w"], weights.Names);
        Assert.NotEmpty(weights.Ignored);
    }

    [Fact]
    public void A_parameter_with_state_is_a_tensor()
    {
        var checkpoint = new TorchCheckpoint();
        var call = new TorchCall(new TorchName("torch._utils", "_rebuild_parameter_with_state"), checkpoint.Store([1, 2], 2), true, new TorchDict(), new TorchDict(("tag", 1)));
        Assert.Equal([1, 2], Read(checkpoint.File(new TorchDict(("w", call)))).Read("w")!.ToFloats());
    }

    [Fact]
    public void One_tensor_under_two_keys_has_one_short_name()
    {
        var checkpoint = new TorchCheckpoint();
        var view = checkpoint.Store([1, 2], 2);
        var weights = Read(checkpoint.File(new TorchDict(("model", new TorchDict(("w", view))), ("state_dict", new TorchDict(("w", view))))));
        Assert.Equal([1, 2], weights.Read("w")!.ToFloats());
    }

    /// <summary>Views, types and order of storages as before version 1.6.</summary>
    [Fact]
    public void A_file_from_before_version_1_6_is_read()
    {
        var checkpoint = new TorchCheckpoint();
        var all = checkpoint.Store(s_six, 2, 3);
        var file = checkpoint.OldFile(new TorchDict(("epoch", 3), ("model", new TorchDict(("a", all), ("b", all with { Shape = [3, 2], Strides = [1, 3] }), ("c", checkpoint.Store("LongStorage", [7L, 8], 2)), ("d", checkpoint.Store("HalfStorage", [(Half)0.5], 1))))));
        var weights = WeightFile.Read("m.pth", file);
        Assert.Equal(["model.a", "model.b", "model.c", "model.d"], weights.Names);
        Assert.Equal(s_six, weights.Read("a")!.ToFloats());
        Assert.Equal([0, 3, 1, 4, 2, 5], weights.Read("b")!.ToFloats());
        Assert.Equal([7, 8], weights.Read("c")!.Integers());
        Assert.Equal([0.5f], weights.Read("d")!.ToFloats());
        for (var length = 16; length < file.Length; length++) Assert.StartsWith("m.pth: ", Assert.Throws<ConversionException>(() => WeightFile.Read("m.pth", file[..length])).Message, StringComparison.Ordinal);
        var random = new Random(1);
        for (var i = 0; i < 5000; i++)
        {
            byte[] changed = [.. file];
            changed[16 + random.Next(file.Length - 16)] = (byte)random.Next(256);
            try
            {
                var read = WeightFile.Read("m.pth", changed);
                foreach (var name in read.Names) read.Read(name);
            }
            catch (ConversionException)
            {
            }
        }
    }

    [Fact]
    public void Quantized_layers_are_refused()
    {
        var checkpoint = new TorchCheckpoint();
        Assert.Contains("quantized ('fc._packed_params._packed_params')", Refusal(checkpoint.File(new TorchDict(("fc.scale", checkpoint.Store([1], 1)), ("fc._packed_params._packed_params", new object?[] { 1, 2 })))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 7, 1, "does not fit into its storage of 6 elements")]
    [InlineData(1, 6, 1, "does not fit")]
    [InlineData(-1, 1, 1, "does not fit")]
    [InlineData(0, 2, 6, "does not fit")]
    [InlineData(0, 2, long.MaxValue, "does not fit")]
    [InlineData(0, 2, -1, "a stride that is no number of elements")]
    [InlineData(0, -1, 1, "a size that is no number of elements")]
    public void A_view_outside_its_storage_is_refused(long offset, int size, long stride, string says)
    {
        var checkpoint = new TorchCheckpoint();
        Assert.Contains(says, Refusal(checkpoint.File(new TorchDict(("w", checkpoint.Store(s_six, 6) with { Offset = offset, Shape = [size], Strides = [stride] })))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_storage_that_is_missing_or_short_is_refused()
    {
        var checkpoint = new TorchCheckpoint();
        var view = checkpoint.Store(s_six, 6);
        Assert.Contains("the storage 'archive/data/1' of the tensor 'w' is missing", Refusal(checkpoint.File(new TorchDict(("w", view with { Storage = 1 })))), StringComparison.Ordinal);
        Assert.Contains("has 24 bytes, too few for 7 elements", Refusal(checkpoint.File(new TorchDict(("w", view with { Count = 7 })))), StringComparison.Ordinal);
        Assert.Contains("does not fit into its storage of 3 elements", Refusal(checkpoint.File(new TorchDict(("w", view with { Type = "UntypedStorage", Count = 24, OfBytes = "float64", Shape = [4] })))), StringComparison.Ordinal);
        Assert.Contains("different types", Refusal(checkpoint.File(new TorchDict(("w", view with { OfBytes = "int32" })))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_that_repeats_a_small_storage_without_end_is_refused()
    {
        var checkpoint = new TorchCheckpoint();
        var weights = Read(checkpoint.File(new TorchDict(("w", checkpoint.Store(s_six, 6) with { Shape = [1 << 20, 1 << 10], Strides = [0, 0] }))));
        Assert.Contains("save copies of expanded tensors", Assert.Throws<ConversionException>(() => weights.Read("w")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "it holds one tensor without a name")]
    [InlineData(true, "it holds no tensors")]
    public void A_file_without_named_tensors_is_refused(bool isEmpty, string says)
    {
        var checkpoint = new TorchCheckpoint();
        Assert.Contains(says, Refusal(checkpoint.File(isEmpty ? new TorchDict(("epoch", 3)) : checkpoint.Store([1], 1))), StringComparison.Ordinal);
    }

    private static WeightSet Read(byte[] file) => TorchFile.Read(file, "m.pt");

    private static string Refusal(byte[] file) => Assert.Throws<ConversionException>(() => Read(file)).Message;

    private static float[] Outputs(byte[] file)
    {
        using var model = SeqModel.Load(file);
        using var session = model.CreateSession();
        Numbers.Fill(new Random(4), session.Input<float>(0));
        session.Run();
        return session.Output<float>(0).ToArray();
    }
}
