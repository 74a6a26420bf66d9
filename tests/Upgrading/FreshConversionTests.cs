using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>An upgraded file compared with a conversion of its source today.</summary>
public sealed class FreshConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_file_of_a_model_without_tables_of_products_is_the_one_that_is_converted_today()
    {
        var fresh = Convert(WeightKind.Float16, "lstm", "tokens").Model;
        // Older converters did not record the options of a conversion.
        fresh.Metadata.Remove(ConversionRecord.Key);
        Assert.Equal(SeqWriter.ToArray(fresh), OlderFiles.Upgraded("upgrade/1.2-fp16"));
    }

    /// <summary>Only a shared tensor of zeros differs, whose padding differs for two layers, and tables of products with the nodes that bring them into order.</summary>
    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    [InlineData(WeightKind.Int4)]
    public void Tensors_are_those_that_are_converted_today(WeightKind weights)
    {
        var fresh = Convert(weights, "lstm", "gru", "conv", "tokens").Model;
        var file = OlderFiles.Upgraded($"upgrade/1.2-{weights.Name()}");
        using var upgraded = SeqModel.Load(file);
        var tensors = upgraded.Loaded.Tensors.ToDictionary(t => t.Name);
        var products = fresh.Tensors.Where(t => t.Name.EndsWith(".tokens", StringComparison.Ordinal)).Select(t => t.Name).ToList();
        Assert.Equal(weights == WeightKind.Float32, products.Count > 0);
        foreach (var expected in fresh.Tensors.Where(t => !products.Contains(t.Name)))
        {
            var tensor = tensors[expected.Name];
            Assert.Equal((expected.Format, expected.Count), (tensor.Format, tensor.PackedCount));
            if (tensor.Format != TensorFormat.Dense) Assert.Equal((expected.Shape[0], expected.Shape[1], expected.PanelRows), (tensor.Layout.Rows, tensor.Layout.Columns, tensor.Layout.PanelRows));
            Assert.Equal(expected.Data.ToArray(), Bytes(tensor, expected.Data.Length));
        }

        var more = tensors.Keys.Except(fresh.Tensors.Select(t => t.Name)).Order(StringComparer.Ordinal);
        Assert.Equal(weights == WeightKind.Float32 ? ["B4#2", "order of 3x5", "order of 4x3"] : ["B4#2"], more);
    }

    private static unsafe byte[] Bytes(SeqRuntime.Operators.Tensor tensor, int length) => new ReadOnlySpan<byte>(tensor.Data, length).ToArray();

    private ConversionResult Convert(WeightKind weights, params string[] graphs)
    {
        var options = new ConversionOptions { Weights = weights, WeightsOf = weights == WeightKind.Float32 ? [] : [new WeightOverride("*", weights)] };
        return Conversion.Convert([.. graphs.Select(graph => (graph, _folder.Write($"{graph}.onnx", UpgradeSources.Of(graph).Model.ToByteArray())))], options);
    }
}
