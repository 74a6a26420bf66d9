using SeqRuntime.Format;

namespace SeqRuntime.Tests;

public class WeightLayoutTests
{
    [Fact]
    public void Int8OffsetWalksTilesOf16OutputsBy4Inputs()
    {
        var layout = new WeightLayout(TensorFormat.PackedInt8, 20, 6);
        Assert.Equal(32, layout.PaddedRows);
        Assert.Equal(8, layout.PaddedColumns);
        Assert.Equal(0, layout.Int8Offset(0, 0));
        Assert.Equal(5, layout.Int8Offset(1, 1));
        Assert.Equal(64 + 3 * 4 + 1, layout.Int8Offset(3, 5));
        Assert.Equal(128 + 2 * 4, layout.Int8Offset(18, 0));
    }
}
