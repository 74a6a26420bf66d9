using System.Diagnostics;
using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers;

/// <summary>Truncated, mutated and hostile files give a ConversionException that names the file, or a model that loads; never another exception, a crash or a hang.</summary>
public class HostileOnnxTests(ITestOutputHelper output)
{
    private static readonly int s_mutations = LongRuns.Cases(usual: 4_000);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void The_models_themselves_convert()
    {
        foreach (var model in (ModelProto[])[HostileOnnx.Sample(), HostileOnnx.Rewritten(), HostileOnnx.Layers(), HostileOnnx.Elements(), HostileOnnx.Control()])
        {
            using var file = new TemporaryModel(model.ToByteArray());
            Assert.NotEmpty(Convert(file).File);
        }
    }

    [Fact]
    public void Every_truncation_is_refused_or_converted()
    {
        var bytes = HostileOnnx.Sample().ToByteArray();
        using var file = new TemporaryModel(bytes);
        Assert.True(Try(file, bytes, "the whole model"));
        var refused = 0;
        for (var length = 0; length < bytes.Length; length++) refused += Try(file, bytes[..length], $"cut at {length}") ? 0 : 1;
        output.WriteLine($"{bytes.Length} truncations: {refused} refused");
        Assert.True(refused > bytes.Length * 9 / 10);
    }

    [Fact]
    [Trait("Cases", "Random")]
    public void Random_mutations_are_refused_or_converted() => Mutate(HostileOnnx.Sample(), s_mutations);

    [Fact]
    [Trait("Cases", "Random")]
    public void Random_mutations_of_rewritten_operators_are_refused_or_converted() => Mutate(HostileOnnx.Rewritten(), Math.Max(s_mutations / 4, 1));

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
    public void Nesting_without_end_is_refused()
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
    public void Functions_that_call_themselves_are_refused()
    {
        var model = HostileOnnx.Sample();
        var function = new FunctionProto { Name = "F", Domain = "own", Input = { "a" }, Output = { "b" } };
        function.Node.Add(OnnxBuilder.MakeNode("F", "a", "t"));
        function.Node.Add(OnnxBuilder.MakeNode("F", "t", "b"));
        foreach (var node in function.Node) node.Domain = "own";
        model.Functions.Add(function);
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        var call = OnnxBuilder.MakeNode("F", "x", "called");
        call.Domain = "own";
        model.Graph.Node.Add(call);
        using var file = new TemporaryModel(model.ToByteArray());
        var fault = Assert.Throws<ConversionException>(() => Convert(file));
        Assert.Contains("too deeply", fault.Message);
    }

    [Fact]
    public void A_few_bytes_that_ask_for_terabytes_are_refused()
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

    private static ConversionResult Convert(TemporaryModel file) => Conversion.Convert([("main", file.Path)], new ConversionOptions());

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
