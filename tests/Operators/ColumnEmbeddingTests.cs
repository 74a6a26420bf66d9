using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ColumnEmbeddingTests
{
    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Gives_the_columns_that_indices_name(int packing)
    {
        var format = (TensorFormat)packing;
        var packed = Weights.Pack(format, Numbers.Random(new Random(6), 37 * 70), rows: 37, columns: 70, out var matrix);
        var result = new OperatorHarness().Packed(format, 37, 70, packed).Dense<long>([2, 3], 0, 69, 33, -1, -70, 20).Run(new ColumnEmbedding())[0];
        Assert.Equal([2, 3, 37], result.Shape);
        Assert.Equal(new[] { 0, 69, 33, 69, 0, 20 }.SelectMany(column => Enumerable.Range(0, 37).Select(row => matrix[row * 70 + column])), result.As<float>());
    }

    [Fact]
    public void An_index_outside_is_refused_with_its_range()
    {
        var packed = Float32Format.Pack(new float[12], 3, 4);
        var error = Assert.Throws<ArgumentException>(() => new OperatorHarness().Packed(TensorFormat.PackedFloat32, 3, 4, packed).Dense([1], 4).Run(new ColumnEmbedding()));
        Assert.Contains("index 4; expected -4 to 3", error.Message);
    }
}
