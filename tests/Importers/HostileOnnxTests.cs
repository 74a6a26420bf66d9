using System.Diagnostics;
using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Cut, changed and hostile files: a ConversionException that says which file, or a model that loads; never another exception, a crash or a hang.</summary>
public class HostileOnnxTests(ITestOutputHelper output)
{
    private const int Mutations = 20_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void EveryTruncationIsRefusedOrConverted()
    {
        var bytes = Sample().ToByteArray();
        using var file = new TemporaryModel(bytes);
        Assert.True(Try(file, bytes, "the whole model"));
        var refused = 0;
        for (var length = 0; length < bytes.Length; length++) refused += Try(file, bytes[..length], $"cut at {length}") ? 0 : 1;
        output.WriteLine($"{bytes.Length} truncations: {refused} refused");
        Assert.True(refused > bytes.Length * 9 / 10);
    }

    [Fact]
    public void RandomMutationsAreRefusedOrConverted() => Mutate(Sample(), Mutations);

    [Fact]
    public void RandomMutationsOfRewrittenOperatorsAreRefusedOrConverted() => Mutate(Rewritten(), Mutations / 4);

    private void Mutate(ModelProto sample, int mutations)
    {
        var original = sample.ToByteArray();
        using var file = new TemporaryModel(original);
        Assert.True(Try(file, original, "the whole model"));
        var refused = 0;
        for (var seed = 0; seed < mutations; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])original.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                var at = random.Next(bytes.Length);
                switch (random.Next(4))
                {
                    case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                    case 1: bytes[at] = (byte)random.Next(256); break;
                    case 2: bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 9))..]]; break;
                    default: bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]]; break;
                }

                if (bytes.Length == 0) bytes = [0];
            }

            refused += Try(file, bytes, $"mutation {seed}") ? 0 : 1;
        }

        output.WriteLine($"{mutations} mutations of {original.Length} bytes: {refused} refused, {mutations - refused} still a model");
        Assert.InRange(refused, mutations / 10, mutations);
    }

    [Fact]
    public void NestingWithoutEndIsRefused()
    {
        var graph = new GraphProto();
        for (var depth = 0; depth < 400; depth++)
        {
            var outer = new GraphProto();
            outer.Node.Add(OnnxBuilder.MakeNode("If", "c", "y", ("then_branch", graph), ("else_branch", new GraphProto())));
            graph = outer;
        }

        using var file = new TemporaryModel(new ModelProto { Graph = graph }.ToByteArray());
        Assert.Throws<ConversionException>(() => Convert(file));
    }

    [Fact]
    public void FunctionsThatCallThemselvesAreRefused()
    {
        var model = Sample();
        var function = new FunctionProto { Name = "F", Domain = "own", Input = { "a" }, Output = { "b" } };
        function.Node.Add(OnnxBuilder.MakeNode("F", "a", "t"));
        function.Node.Add(OnnxBuilder.MakeNode("F", "t", "b"));
        foreach (var node in function.Node) node.Domain = "own";
        model.Functions.Add(function);
        var call = OnnxBuilder.MakeNode("F", "x", "called");
        call.Domain = "own";
        model.Graph.Node.Add(call);
        using var file = new TemporaryModel(model.ToByteArray());
        var fault = Assert.Throws<ConversionException>(() => Convert(file));
        Assert.Contains("too deeply", fault.Message);
    }

    [Fact]
    public void AFewBytesThatAskForTerabytesAreRefused()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Output("y");
        var huge = OnnxBuilder.Tensor("w", [1 << 20, 1 << 20], 1f);
        model.Graph.Initializer.Add(huge);
        model.Node("MatMul", "x w", "y");
        using var file = new TemporaryModel(model.Model.ToByteArray());
        Assert.Contains("'w'", Assert.Throws<ConversionException>(() => Convert(file)).Message);

        var shape = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("s", [3], 100_000L, 100_000L, 100_000L).Node("ConstantOfShape", "s", "c").Node("Add", "x c", "y").Output("y");
        using var other = new TemporaryModel(shape.Model.ToByteArray());
        Assert.Throws<ConversionException>(() => Convert(other));
    }

    /// <summary>A model with the parts that importers stumble over: weights, a branch, shapes, a recurrent layer, a convolution.</summary>
    private static ModelProto Sample()
    {
        var yes = new GraphProto { Name = "yes" };
        yes.Node.Add(OnnxBuilder.MakeNode("Mul", "x two", "yes_y"));
        yes.Initializer.Add(OnnxBuilder.Tensor("two", [], 2f));
        yes.Output.Add(OnnxBuilder.Port("yes_y", OnnxBuilder.Float, 2, "N", 4));
        var no = new GraphProto { Name = "no" };
        no.Node.Add(OnnxBuilder.MakeNode("Neg", "x", "no_y"));
        no.Output.Add(OnnxBuilder.Port("no_y", OnnxBuilder.Float, 2, "N", 4));
        return new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, "N", 4).Input("h", OnnxBuilder.Float, 1, "N", 3).Constant("flag", [], true)
            .Random("W", 1, 1, 1, 12, 4).Random("R", 2, 1, 1, 12, 3).Random("B", 3, 1, 1, 24).Random("K", 4, 1, 2, 3, 2).Constant("axes", [1], 0L).Constant("tail", [2], -1L, 6L)
            .Node("If", "flag", "xx", ("then_branch", yes), ("else_branch", no))
            .Node("LSTM", "xx W R B - h -", "Y Yh", ("hidden_size", 3))
            .Node("Squeeze", "Yh axes", "last").Node("Unsqueeze", "last axes", "image").Node("Transpose", "image", "turned", ("perm", new long[] { 0, 2, 1 }))
            .Node("Conv", "turned K", "conv", ("auto_pad", "SAME_UPPER")).Node("Shape", "conv", "shape").Node("Gather", "shape axes", "first")
            .Node("Concat", "first tail", "wanted", ("axis", 0)).Node("Flatten", "conv", "y").Node("Softmax", "y", "soft", ("axis", 1)).Node("Sigmoid", "Yh", "h_out")
            .Output("soft").Output("h_out", OnnxBuilder.Float, 1, "N", 3).Output("wanted", OnnxBuilder.Int64, 3).Model;
    }

    /// <summary>Operators that others are written for: quantized ones, ONNX Runtime's, sequences, sums of products, a resized axis, a branch on data.</summary>
    private static ModelProto Rewritten()
    {
        const string own = "com.microsoft.";
        static GraphProto Branch(NodeProto node)
        {
            var graph = new GraphProto { Name = "branch" };
            graph.Node.Add(node);
            graph.Output.Add(OnnxBuilder.Port("t", OnnxBuilder.Float, 2, 3, 4));
            return graph;
        }

        return new OnnxBuilder(18).Input("x", OnnxBuilder.Float, 2, 3, 4).Constant("s", [], 0.1f).Constant("z", [], (byte)3).Constant("w", [4, 2], 1, 2, 3, 4, 5, 6, 7, (byte)8)
            .Constant("lw", [1, 2, 8], new sbyte[16]).Constant("lr", [1, 2, 8], new sbyte[16]).Constant("ls", [1], 0.1f).Constant("lz", [1], (sbyte)0).Constant("nib", [2, 1, 8], new byte[16]).Constant("nibs", [2], 1f, 2f)
            .Constant("one", [], 1L).Constant("scales", [3], 1f, 1f, 2f).Random("qkv", 5, 1, 4, 12).Random("g", 6, 1, 4)
            .Node("QuantizeLinear", "x s z", "q").Node("DequantizeLinear", "q s z", "d").Node("DynamicQuantizeLinear", "d", "dq ds dz").Node("MatMulInteger", "dq w dz z", "i").Node("Cast", "i", "f", ("to", 1)).Node("Mul", "f ds", "p")
            .Node(own + "DynamicQuantizeLSTM", "p lw lr - - - - - ls lz ls lz", "h", ("hidden_size", 2))
            .Node(own + "Attention", "x qkv", "a", ("num_heads", 2)).Node(own + "SkipLayerNormalization", "a x g", "n").Node(own + "MatMulNBits", "n nib nibs", "m", ("K", 4), ("N", 2), ("bits", 4), ("block_size", 16))
            .Node("SplitToSequence", "n", "parts", ("axis", 1), ("keepdims", 0)).Node("SequenceAt", "parts one", "part").Node("Einsum", "part n", "e", ("equation", "bd,b...d->b..."))
            .Node("Resize", "n - scales", "r", ("mode", "linear")).Node("ReduceMax", "x", "top", ("keepdims", 0)).Node("Less", "top s", "low")
            .Node("If", "low", "y", ("then_branch", Branch(OnnxBuilder.MakeNode("Neg", "n", "t"))), ("else_branch", Branch(OnnxBuilder.MakeNode("Abs", "n", "t"))))
            .Output("y").Output("h").Output("m").Output("e").Output("r").Model;
    }

    private static ConversionResult Convert(TemporaryModel file) => Converter.Converter.Convert([("main", file.Path)], new ConversionOptions());

    private static bool Try(TemporaryModel file, byte[] bytes, string what)
    {
        file.Write(bytes);
        var watch = Stopwatch.StartNew();
        try
        {
            Convert(file);
            return true;
        }
        catch (ConversionException fault)
        {
            Assert.NotEmpty(fault.Message);
            return false;
        }
        catch (Exception fault) when (fault is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{what}: {fault}");
            return false;
        }
        finally
        {
            Assert.True(watch.Elapsed < s_patience, $"{what} took {watch.Elapsed}");
        }
    }
}
