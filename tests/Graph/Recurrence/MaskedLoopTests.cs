using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.Recurrence;

/// <summary>Loops whose states a mask keeps in some rounds, as in Keras' masked layers, become layers over the unmasked steps.</summary>
public class MaskedLoopTests
{
    private const int N = LoopModel.N, H = LoopModel.H;

    public static TheoryData<string, string> Masks
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var cell in (string[])["lstm", "gru-after", "gru-before", "rnn"])
            {
                foreach (var mask in (string[])["input", "tiled", "turned", "zeros", "lengths", "products", "backward"]) data.Add(cell, mask);
            }

            return data;
        }
    }

    /// <summary>The collected value: the state, or the output, which masked steps hold or set to zero.</summary>
    [Theory]
    [MemberData(nameof(Masks))]
    public void A_masked_loop_is_a_layer(string cell, string mask)
    {
        foreach (var collected in (string[])["state", "held", "zeros"])
        {
            foreach (var steps in (object[])["T", 6])
            {
                var loop = Make(cell, mask, collected, steps);
                Assert.Equal(cell == "lstm" ? OpKind.Lstm : cell == "rnn" ? OpKind.Rnn : OpKind.Gru, Assert.Single(loop.Layers(out _)));
                loop.Compare(steps is 6 ? [6] : [1, 2, 7]);
            }
        }
    }

    /// <summary>No layer gives the cell's own output at masked steps, so the loop is unrolled, with one set of weights.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru-after")]
    [InlineData("rnn")]
    public void A_masked_loop_that_collects_what_the_mask_leaves_out_keeps_its_numbers(string cell)
    {
        var loop = Make(cell, "input", "raw", 6);
        loop.Compare(6);
        loop.Layers(out var result);
        Assert.InRange(result.File.Length, 0, (loop.Body.Gates * 16 * 10 * 4) + 6000);
    }

    /// <summary>A mask for each unit, and masks that differ between states, do not belong to a layer.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Masks_of_units_give_the_same_numbers(bool isOfUnits)
    {
        var loop = new LoopModel("lstm", 5);
        loop.Model.Input("m", OnnxBuilder.Bool, 5, N, isOfUnits ? H : 1).Input("m2", OnnxBuilder.Bool, 5, N, 1);
        var (h, c) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", "c");
        var mask = loop.Add("Gather", "m round", ("axis", 0));
        var next = loop.Add("Where", $"{mask} {h} h");
        loop.Carry("h", "h0", next, "hT");
        loop.Carry("c", "c0", loop.Add("Where", $"{(isOfUnits ? mask : loop.Add("Gather", "m2 round", ("axis", 0)))} {c} c"), "cT");
        loop.Collect(next, "y");
        loop.Close().Compare(5);
    }

    /// <summary>Two layers in one loop under one mask. The second reads the first one's unmasked output.</summary>
    [Fact]
    public void Two_masked_cells_in_one_loop_are_two_layers()
    {
        var loop = new LoopModel("gru-after", "T");
        loop.Model.Input("m", OnnxBuilder.Bool, N, "T").Node("Transpose", "m", "mt", ("perm", new long[] { 1, 0 })).Random("g0", 60, 0.5f, N, H).Random("up", 61, 1, H, LoopModel.I);
        var mask = loop.Add("Unsqueeze", $"{loop.Add("Gather", "mt round", ("axis", 0))} ax1");
        var (h, _) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", c: null);
        var (g, _) = loop.Body.Step(loop.Add("Tanh", loop.Add("MatMul", $"{h} up")), "g", c: null);
        loop.Carry("h", "h0", loop.Add("Where", $"{mask} {h} h"), "hT");
        var next = loop.Add("Where", $"{mask} {g} g");
        loop.Carry("g", "g0", next, "gT");
        loop.Collect(next, "y");
        loop.Close();
        Assert.Equal(2, loop.Layers(out _).Count);
        loop.Compare(1, 2, 6);
    }

    /// <summary>A computation over the whole batch would mix masked and unmasked rows.</summary>
    [Fact]
    public void Mixing_rows_after_a_mask_gives_the_same_numbers()
    {
        var loop = new LoopModel("rnn", 4);
        loop.Model.Input("m", OnnxBuilder.Bool, 4, N, 1);
        var mask = loop.Add("Gather", "m round", ("axis", 0));
        var (h, _) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", c: null);
        loop.Carry("h", "h0", loop.Add("Where", $"{mask} {h} h"), "hT");
        loop.Collect(loop.Add("Where", $"{mask} {loop.Add("Sub", $"{h} {loop.Add("ReduceMean", h, ("axes", new long[] { 0 }), ("keepdims", 1))}")} none"), "y");
        loop.Close().Compare(4);
    }

    private static LoopModel Make(string cell, string mask, string collected, object steps)
    {
        var loop = new LoopModel(cell, steps);
        var place = mask == "backward" ? loop.Add("Sub", "last round") : "round";
        var (h, c) = loop.Body.Step(loop.Add("Gather", $"xt {place}", ("axis", 0)), "h", "c");
        if (mask is "lengths" or "products")
        {
            loop.Model.Input("lengths", OnnxBuilder.Int64, N);
        }
        else if (mask == "zeros")
        {
            // Keras' Masking: any feature differs from zero.
            loop.Model.Node("Equal", "x zero", "is0").Node("Not", "is0", "not0").Node("Cast", "not0", "not0f", ("to", OnnxBuilder.Float)).Node("ReduceMax", "not0f", "anyf", ("axes", new long[] { 2 }), ("keepdims", 0)).Node("Cast", "anyf", "m", ("to", OnnxBuilder.Bool));
        }
        else
        {
            loop.Model.Input("m", OnnxBuilder.Bool, N, steps);
        }

        if (mask is not ("lengths" or "products")) loop.Model.Node("Transpose", "m", "mt", ("perm", new long[] { 1, 0 }));
        var counts = mask is "lengths" or "products" ? loop.Add("Less", "round lengths") : loop.Add("Gather", $"mt {place}", ("axis", 0));
        if (mask == "turned") counts = loop.Add("Not", counts);
        var column = loop.Add("Unsqueeze", $"{counts} ax1");
        if (mask is "tiled" or "zeros")
        {
            loop.Model.Constant<long>("times", [2], 1, H);
            column = loop.Add("Tile", $"{column} times");
        }

        var number = mask == "products" ? loop.Add("Cast", column, ("to", OnnxBuilder.Float)) : "";
        var rest = mask == "products" ? loop.Add("Sub", $"one {number}") : "";
        string Choose(string value, string other) => mask switch
        {
            "products" => loop.Add("Add", $"{loop.Add("Mul", $"{number} {value}")} {loop.Add("Mul", $"{rest} {other}")}"),
            "turned" => loop.Add("Where", $"{column} {other} {value}"),
            _ => loop.Add("Where", $"{column} {value} {other}"),
        };
        var next = Choose(h, "h");
        loop.Carry("h", "h0", next, "hT");
        if (c is not null) loop.Carry("c", "c0", Choose(c, "c"), "cT");
        switch (collected)
        {
            case "held":
                var held = Choose(h, "held");
                loop.Carry("held", "none", held, "heldT");
                loop.Collect(held, "y");
                break;
            case "zeros":
                loop.Collect(Choose(h, "none"), "y");
                break;
            default:
                loop.Collect(collected == "raw" ? h : next, "y");
                break;
        }

        return loop.Close();
    }
}
