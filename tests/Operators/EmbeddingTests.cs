using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class EmbeddingTests
{
    [Theory]
    [MemberData(nameof(Weights.Formats), MemberType = typeof(Weights))]
    public void Gives_the_rows_that_indices_name(int packing)
    {
        var format = (TensorFormat)packing;
        var packed = Weights.Pack(format, Numbers.Random(new Random(6), 37 * 70), rows: 37, columns: 70, out var rows);
        var result = new OperatorHarness().Packed(format, 37, 70, packed).Dense<long>([2, 3], 0, 36, 16, -1, -37, 20).Run(new Embedding())[0];
        Assert.Equal([2, 3, 70], result.Shape);
        Assert.Equal(new[] { 0, 36, 16, 36, 0, 20 }.SelectMany(i => rows.AsSpan(i * 70, 70).ToArray()), result.As<float>());
    }

    [Fact]
    public void An_index_outside_is_refused_with_its_range()
    {
        var packed = Float32Format.Pack(new float[12], 3, 4);
        var error = Assert.Throws<ArgumentException>(() => new OperatorHarness().Packed(TensorFormat.PackedFloat32, 3, 4, packed).Dense([1], 3).Run(new Embedding()));
        Assert.Contains("index 3; expected -3 to 2", error.Message);
    }
}
