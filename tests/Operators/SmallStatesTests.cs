using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Operators;

/// <summary>Layers in int8 and int4 with states between a millionth and 1. The state is quantized by its own range.</summary>
public class SmallStatesTests(ITestOutputHelper output)
{
    private const int Steps = 24, Inputs = 32, Hidden = 40;

    public static TheoryData<string, double> Layers
    {
        get
        {
            var data = new TheoryData<string, double>();
            foreach (var layer in (string[])["LSTM", "GRU before", "GRU after", "RNN", "RNN Relu", "LSTM HardSigmoid"])
            {
                for (var power = -6; power <= 0; power++)
                {
                    data.Add(layer, Math.Pow(10, power));
                    if (power < 0) data.Add(layer, 3 * Math.Pow(10, power));
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Small_states_are_as_accurate_as_large_ones(string layer, double scale)
    {
        foreach (var direction in (string[])["forward", "reverse", "bidirectional"])
        {
            var model = Model(layer, direction, (float)scale);
            var x = Numbers.Random(new Random(5), Steps * Inputs);
            var exact = model.Run(options: null, x);
            var error = RelativeError(exact, model.Run(new ConversionOptions { Weights = WeightKind.Int8 }, x));
            var int4 = RelativeError(exact, model.Run(new ConversionOptions { WeightsOf = [new WeightOverride("*", WeightKind.Int4)] }, x));
            output.WriteLine($"{layer}, {direction}, largest {exact.Max(Math.Abs):E1}: {error:P2} in int8, {int4:P2} in int4");
            Assert.InRange(error, 1e-5, 0.02);
            Assert.InRange(int4, 1e-5, 0.15);
        }
    }

    [Theory]
    [InlineData(1e-6f)]
    [InlineData(1e-3f)]
    [InlineData(0.05f)]
    [InlineData(0.8f)]
    public void Small_states_lose_no_more_than_in_ONNX_runtime(float scale)
    {
        var model = Model("LSTM", "forward", scale);
        var x = Numbers.Random(new Random(5), Steps * Inputs);
        var exact = model.Reference(("x", [Steps, 1, Inputs], x));
        var quantized = new OnnxBuilder().Input("x", OnnxBuilder.Float, Steps, 1, Inputs);
        foreach (var tensor in model.Graph.Initializer)
        {
            // By row and with inputs first, as DynamicQuantizeLSTM needs them.
            int rows = (int)tensor.Dims[1], columns = (int)tensor.Dims[2];
            var weights = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.RawData.Span);
            var scales = new float[rows];
            var q = new sbyte[rows * columns];
            for (var row = 0; row < rows; row++)
            {
                foreach (var weight in weights.Slice(row * columns, columns)) scales[row] = Math.Max(scales[row], Math.Abs(weight) / 127);
                for (var k = 0; k < columns; k++) q[k * rows + row] = (sbyte)MathF.Round(weights[row * columns + k] / scales[row]);
            }

            quantized.Constant(tensor.Name + "q", [1, columns, rows], q).Constant(tensor.Name + "s", [1, rows], scales).Constant(tensor.Name + "z", [1, rows], new sbyte[rows]);
        }

        quantized.Node("com.microsoft.DynamicQuantizeLSTM", "x Wq Rq - - - - - Ws Wz Rs Rz", "y", ("hidden_size", Hidden)).Output("y");
        var theirs = RelativeError(exact, quantized.Reference(("x", [Steps, 1, Inputs], x)));
        var ours = RelativeError(exact, model.Run(new ConversionOptions { Weights = WeightKind.Int8 }, x));
        output.WriteLine($"states of {exact.Max(Math.Abs):E1}: {ours:P2}, ONNX Runtime {theirs:P2}");
        Assert.InRange(ours, 1e-5, 1.1 * theirs);
    }

    [Theory]
    [InlineData("LSTM")]
    [InlineData("GRU before")]
    [InlineData("GRU after")]
    [InlineData("RNN")]
    public void Batches_and_steps_give_the_same_bits(string layer)
    {
        // Rows of the batch differ in scale by ten, so that at every step some use the fixed scale and some their own.
        const int batch = 7;
        var x = Numbers.Random(new Random(6), Steps * batch * Inputs);
        for (var i = 0; i < x.Length; i++) x[i] *= MathF.Pow(10, -(i / Inputs % batch));
        var options = new ConversionOptions { Weights = WeightKind.Int8 };
        var together = Model(layer, "forward", 2, batch).Run(options, x);
        using var single = Model(layer, "forward", scale: 2, batch: 1, steps: 1, hasState: true).Load(new ConversionOptions { Weights = WeightKind.Int8, States = States(layer) });
        for (var row = 0; row < batch; row++)
        {
            using var session = single.CreateSession();
            for (var t = 0; t < Steps; t++)
            {
                x.AsSpan((t * batch + row) * Inputs, Inputs).CopyTo(session.Input<float>(0));
                session.Run();
                Assert.Equal(together.AsSpan((t * batch + row) * Hidden, Hidden).ToArray(), session.Output<float>(0).ToArray());
            }
        }
    }

    [Theory]
    [InlineData(1e-36f)]
    [InlineData(1e-33f)]
    [InlineData(1e-20f)]
    [InlineData(1e20f)]
    [InlineData(1e36f)]
    public void Inputs_of_any_size_are_quantized_by_their_own_range(float scale)
    {
        // Weights that scale the smallest rows back to ordinary numbers.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, Inputs).Random("w", 3, scale < 1 ? 100 : 0.01f, Inputs, 48).Node("MatMul", "x w", "y").Output("y");
        var x = Numbers.Random(new Random(7), 3 * Inputs, scale);
        x.AsSpan(Inputs, Inputs).Clear();
        var exact = model.Run(options: null, x);
        var rounded = model.Run(new ConversionOptions { Weights = WeightKind.Int8 }, x);
        Assert.InRange(RelativeError(exact, rounded), 1e-6, 0.02);
        Assert.Equal(new float[48], rounded[48..96]);
    }

    private static Dictionary<string, string> States(string layer) => layer == "LSTM" ? new() { ["h"] = "hn", ["c"] = "cn" } : new() { ["h"] = "hn" };

    /// <summary>A layer whose states stay near <paramref name="scale"/>, because its input product does.</summary>
    private static OnnxBuilder Model(string layer, string direction, float scale, int batch = 1, int steps = Steps, bool hasState = false)
    {
        var op = layer.Split(' ')[0];
        var gates = op switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        var directions = direction == "bidirectional" ? 2 : 1;
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, steps, batch, Inputs)
            .Random("W", 1, 2 * scale / MathF.Sqrt(Inputs), directions, gates * Hidden, Inputs).Random("R", 2, 1.5f / MathF.Sqrt(Hidden), directions, gates * Hidden, Hidden);
        List<(string, object)> attributes = [("hidden_size", Hidden), ("direction", direction)];
        if (layer == "RNN Relu") attributes.Add(("activations", Enumerable.Repeat("Relu", directions).ToArray()));
        if (layer == "LSTM HardSigmoid") attributes.Add(("activations", Enumerable.Repeat((string[])["HardSigmoid", "Tanh", "Tanh"], directions).SelectMany(a => a).ToArray()));
        if (layer == "GRU after") attributes.Add(("linear_before_reset", 1));
        var inputs = "x W R";
        var outputs = "y";
        if (hasState)
        {
            model.Input("h", OnnxBuilder.Float, 1, batch, Hidden);
            (inputs, outputs) = ("x W R - - h", "y hn");
            if (op == "LSTM")
            {
                model.Input("c", OnnxBuilder.Float, 1, batch, Hidden);
                (inputs, outputs) = ("x W R - - h c", "y hn cn");
            }
        }

        model.Node(op, inputs, outputs, [.. attributes]);
        foreach (var name in outputs.Split(' ')) model.Output(name);
        return model;
    }

    private static double RelativeError(float[] exact, float[] rounded) =>
        Math.Sqrt(exact.Zip(rounded, (a, b) => Math.Pow((double)a - b, 2)).Sum() / exact.Sum(a => (double)a * a));
}
