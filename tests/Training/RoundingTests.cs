using SeqRuntime.Converter;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Training.Model;
using SeqRuntime.Training.Quantization;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Tests;

/// <summary>Fake quantization during training equals the runtime's own rounding.</summary>
[Collection(Native.Alone)]
public sealed class RoundingTests
{
    [Fact]
    public void A_rounded_product_is_the_runtime_s_int8_product()
    {
        const int inputs = 48, outputs = 40, rows = 64;
        using var scope = NewDisposeScope();
        random.manual_seed(9);
        using var no = no_grad();
        var linear = nn.Linear(inputs, outputs);
        var x = randn(rows, inputs);
        // Some rows with one large element, which the runtime multiplies in two parts.
        x[TensorIndex.Slice(0, 20), 3] = 9;
        using var model = OracleTests.Convert(linear, new { x = new { shape = new object[] { rows, inputs } } }, [new Dictionary<string, object> { ["kind"] = "linear", ["input"] = "x", ["output"] = "y" }], new() { ["y"] = "y" }, options: new ConversionOptions { Weights = WeightKind.Int8 });
        using var session = model.CreateSession();
        x.data<float>().ToArray().CopyTo(session.Input<float>("x"));
        session.Run();
        var rounding = new Rounding { Active = true };
        float[] expected;
        using (WeightRounding.Apply(linear, wanted: true)) expected = linear.call(rounding.Measured(x)).data<float>().ToArray();
        var exact = linear.call(x).data<float>().ToArray();
        var actual = session.Output<float>("y").ToArray();
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 2e-5f);
        Assert.True(exact.Zip(actual, (a, b) => Math.Abs(a - b)).Max() > 1e-3, "nothing was rounded");
    }

    [Fact]
    public void Weights_are_rounded_by_the_converter_s_quantizer_and_come_back()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        using var no = no_grad();
        var linear = nn.Linear(40, 30);
        var exact = linear.weight!.data<float>().ToArray();
        float[] expected = [.. exact];
        Quantizer.RoundInt8(expected, 30, 40);
        using (WeightRounding.Apply(linear, wanted: true)) Assert.Equal(expected, linear.weight.data<float>().ToArray());
        Assert.Equal(exact, linear.weight.data<float>().ToArray());
        Assert.NotEqual(exact, expected);
    }

    [Fact]
    public void The_gradient_goes_through_as_if_nothing_were_rounded()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0.3f, -0.7f, 0.11f }, requires_grad: true);
        new Rounding { Active = true }.Unit(x).sum().backward();
        Assert.Equal([1, 1, 1], x.grad!.data<float>().ToArray());
    }
}
