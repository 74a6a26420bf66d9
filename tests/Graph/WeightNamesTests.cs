using SeqRuntime.Converter;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Weights are known by their names and shapes in the source file, after any change.</summary>
public class WeightNamesTests
{
    [Theory]
    [InlineData("r.weight_ih_l0", "r.weight_ih_l0", true)]
    [InlineData("r", "r.weight_ih_l0", true)]
    [InlineData("lstm", "lstm/lstm_cell/kernel", true)]
    [InlineData("lstm/lstm_cell", "lstm/lstm_cell/kernel", true)]
    [InlineData("W", "W.forward", true)]
    [InlineData("w", "w#2", true)]
    [InlineData("R.WEIGHT", "r.weight", true)]
    [InlineData("*_reverse", "r.weight_ih_l0_reverse", true)]
    [InlineData("lst", "lstm/kernel", false)]
    [InlineData("*stm", "lstm/kernel", false)]
    [InlineData("r.weight_ih_l0", "r.weight_ih_l0_reverse", false)]
    [InlineData("kernel", "lstm/kernel", false)]
    public void A_pattern_names_a_weight_or_its_layer(string pattern, string name, bool isMatch) => Assert.Equal(isMatch, WeightNames.Matches(pattern, name));

    [Theory]
    [InlineData("w~12", "w")]
    [InlineData("w~12.bias~3", "w.bias")]
    [InlineData("net/~/linear.w~4", "net/~/linear.w")]
    [InlineData("w", "w")]
    public void Numbers_that_tell_values_apart_are_no_part_of_the_name(string value, string name) => Assert.Equal(name, WeightNames.Stem(value));

    /// <summary>PyTorch's export in training mode: gates are sliced, put in ONNX's order, and directions stacked.</summary>
    [Fact]
    public void Weights_computed_from_constants_keep_their_names()
    {
        const int h = 20;
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 4, 1, h).Constant("first", [1], 0L);
        foreach (var (seed, weight) in ((string[])["weight_ih", "weight_ih_reverse", "weight_hh", "weight_hh_reverse"]).Index())
        {
            model.Random("rnn." + weight, seed, 1, 3 * h, h);
            string[] order = ["z", "r", "n"];
            for (var gate = 0; gate < 3; gate++)
            {
                model.Constant($"{weight}{gate}from", [1], (long)gate * h).Constant($"{weight}{gate}to", [1], (gate + 1L) * h).Node("Slice", $"rnn.{weight} {weight}{gate}from {weight}{gate}to first", $"{weight}_{order[gate]}");
            }

            model.Node("Concat", $"{weight}_r {weight}_z {weight}_n", weight + "_all", ("axis", 0)).Node("Unsqueeze", $"{weight}_all first", weight + "_up");
        }

        model.Node("Concat", "weight_ih_up weight_ih_reverse_up", "W", ("axis", 0)).Node("Concat", "weight_hh_up weight_hh_reverse_up", "R", ("axis", 0))
            .Node("GRU", "x W R", "y", ("hidden_size", h), ("direction", "bidirectional")).Output("y");
        Assert.Equal(
            [("rnn.weight_ih", "60, 20"), ("rnn.weight_hh", "60, 20"), ("rnn.weight_ih_reverse", "60, 20"), ("rnn.weight_hh_reverse", "60, 20")],
            model.Convert().Tensors.Where(t => t.Weights is not null).Select(t => (t.Name, string.Join(", ", t.Shape))));
    }

    [Fact]
    public void Directions_of_one_constant_are_told_apart_and_found_by_its_name()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 4, 1, 20).Random("W", 1, 1, 2, 4 * 27, 20).Random("R", 2, 1, 2, 4 * 27, 27)
            .Node("LSTM", "x W R", "y", ("hidden_size", 27), ("direction", "bidirectional")).Output("y");
        var tensors = model.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("W", WeightKind.Int8), new WeightOverride("R.reverse", WeightKind.Float16)] }).Tensors;
        Assert.Equal(
            [("W.forward", "108, 20", WeightKind.Int8), ("R.forward", "108, 27", WeightKind.Float32), ("W.reverse", "108, 20", WeightKind.Int8), ("R.reverse", "108, 27", WeightKind.Float16)],
            tensors.Where(t => t.Weights is not null).Select(t => (t.Name, string.Join(", ", t.Shape), t.Weights!.Value)));
    }

    [Fact]
    public void A_transposed_or_scaled_weight_keeps_its_name()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 30).Random("fc.weight", 1, 1, 40, 30).Random("gain", 2, 1, 40, 1).Node("Mul", "fc.weight gain", "scaled").Node("Transpose", "scaled", "turned", ("perm", new long[] { 1, 0 }))
            .Node("MatMul", "x turned", "y").Output("y");
        var tensor = Assert.Single(model.Convert().Tensors);
        Assert.Equal("fc.weight", tensor.Name);
        Assert.Equal([40, 30], tensor.Shape);
    }
}
