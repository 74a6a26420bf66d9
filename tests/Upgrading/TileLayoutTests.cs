using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Upgrading;

public class TileLayoutTests
{
    [Fact]
    public void Int8_lies_in_tiles_of_16_outputs_by_4_inputs()
    {
        var layout = new TileLayout(Int8Format.Wide, 20, 6);
        Assert.Equal((32, 2, 2 * 128L), (layout.PaddedRows, layout.Pieces, layout.TilesBytes));
        Assert.Equal([0, 4, 64 + 3 * 4, 128 + 2 * 4], [layout.Offset(0, 0), layout.Offset(1, 0), layout.Offset(3, 1), layout.Offset(18, 0)]);
        Assert.Equal(256 + 32 * 8, layout.Stride);
    }

    [Fact]
    public void Int4_lies_in_tiles_of_16_outputs_by_8_inputs_behind_their_group_scales()
    {
        var layout = new TileLayout(Int4Format.Instance, 20, 40);
        Assert.Equal((32, 8, 2), (layout.PaddedRows, layout.Pieces, layout.ScaleGroups));
        Assert.Equal([64, 64 + 3 * 4, 64 + 64 + 3 * 4, 64 + 256 + 64 + 4, 576 + 64 + 2 * 4], [layout.Offset(0, 0), layout.Offset(3, 0), layout.Offset(3, 1), layout.Offset(1, 5), layout.Offset(18, 0)]);
        Assert.Equal((16, 576 + 16 + 2), (layout.ScaleOffset(0, 1), layout.ScaleOffset(18, 1)));
        Assert.Equal(2 * 576 + 32 * 4, layout.Stride);
    }

    [Fact]
    public void Numbers_lie_in_tiles_of_16_outputs_by_one_input()
    {
        Assert.Equal(20 * 2, new TileLayout(Float16Format.Instance, 9, 3).Offset(4, 1));
        Assert.Equal((3 * 16 + 16 + 1) * 4, new TileLayout(Float32Format.Instance, 20, 3).Offset(17, 1));
        Assert.Equal(2 * 3 * 16 * 4, new TileLayout(Float32Format.Instance, 20, 3).Stride);
        Assert.Throws<OverflowException>(() => new TileLayout(Float32Format.Instance, int.MaxValue, int.MaxValue));
    }

    /// <summary>Of 18 units, two blocks of 16 became one of 16 and one of 4 rows for each gate.</summary>
    [Fact]
    public void Gate_rows_of_whole_blocks_keep_their_place_and_the_last_block_is_narrower()
    {
        var rows = new LayerRows(Gates: 4, Units: 18, IsStep: false);
        var order = rows.Order();
        Assert.Equal((4 * 32, 4 * 20), (rows.Before, order.Length));
        Assert.Equal(Enumerable.Range(0, 64), order.Take(64));
        Assert.Equal([64, 65, 66, 67, 80, 81, 82, 83, 96, 97, 98, 99, 112, 113, 114, 115], order.Skip(64));
        Assert.Equal(Enumerable.Range(0, 48), new LayerRows(Gates: 3, Units: 16, IsStep: true).Order());
    }
}
