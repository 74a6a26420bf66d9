
namespace SeqRuntime.Tests.Graph.Recurrence;

/// <summary>Loops that write each step's output into a tensor, or that run over a part of the sequence.</summary>
public class LoopOutputTests
{
    private const int N = LoopModel.N, H = LoopModel.H;

    /// <summary>A place of the first or second axis, in the order of the rounds or reversed, by each operator that supports it.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru-after")]
    [InlineData("rnn")]
    public void Outputs_that_are_scattered_are_those_of_a_layer(string cell)
    {
        foreach (var way in (string[])["rows", "row", "elements", "elements-1", "pairs", "half"])
        {
            foreach (var (steps, isBackward) in ((object, bool)[])[("T", false), ("T", true), (5, false)])
            {
                var loop = new LoopModel(cell, steps);
                var place = isBackward ? loop.Add("Sub", "last round") : "round";
                var (h, c) = loop.Body.Step(loop.Add("Gather", $"xt {place}", ("axis", 0)), "h", "c");
                loop.Carry("h", "h0", h, "hT");
                if (c is not null) loop.Carry("c", "c0", c, "cT");
                Scatter(loop, way, place, h);
                loop.Close();
                Assert.Single(loop.Layers(out var result));
                Assert.DoesNotContain(result.Model.Graphs[0].Nodes, n => way is not ("pairs" or "half") && n.Kind is SeqRuntime.Format.OpKind.ScatterND or SeqRuntime.Format.OpKind.ScatterElements);
                loop.Compare(steps is 5 ? [5] : [1, 2, 7]);
            }
        }
    }

    /// <summary>Several rounds write to one place: the last value remains.</summary>
    [Fact]
    public void A_place_written_twice_keeps_the_last_value()
    {
        var loop = new LoopModel("gru-after", 6);
        loop.Model.Constant("two", [], 2L);
        var (h, _) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", c: null);
        loop.Carry("h", "h0", h, "hT");
        loop.Carry("kept", "room", loop.Add("ScatterND", $"kept {loop.Add("Reshape", $"{loop.Add("Div", "round two")} ax11")} {loop.Add("Unsqueeze", $"{h} ax0")}"), "y");
        loop.Close();
        Assert.Single(loop.Layers(out _));
        loop.Compare(6);
    }

    /// <summary>A tensor that the body also reads is not a list of outputs.</summary>
    [Fact]
    public void A_loop_that_reads_its_own_outputs_gives_the_same_numbers()
    {
        var loop = new LoopModel("rnn", 4);
        var (h, _) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", c: null);
        loop.Carry("h", "h0", h, "hT");
        var row = loop.Add("Add", $"{h} {loop.Add("ReduceSum", "kept ax0", ("keepdims", 0))}");
        loop.Carry("kept", "room", loop.Add("ScatterND", $"kept {loop.Add("Reshape", "round ax11")} {loop.Add("Unsqueeze", $"{row} ax0")}"), "y");
        loop.Close().Compare(4);
    }

    /// <summary>Three rounds over a sequence that may be longer, but not shorter.</summary>
    [Fact]
    public void Rounds_of_a_fixed_number_ask_for_that_many_steps()
    {
        var loop = new LoopModel("lstm", "T");
        loop.Model.Constant("three64", [], 3L);
        var (h, c) = loop.Body.Step(loop.Add("Gather", "xt round", ("axis", 0)), "h", "c");
        loop.Carry("h", "h0", h, "hT");
        loop.Carry("c", "c0", c!, "cT");
        loop.Collect(h, "y");
        loop.Close("three64");
        Assert.Single(loop.Layers(out var result));
        Assert.Equal("3 or more", Assert.Single(result.Graphs[0].Sizes).ToString());
        loop.Compare(3, 4, 7);
        using var model = loop.Model.Load(new SeqRuntime.Converter.ConversionOptions { AutoStates = false });
        using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = 5 } });
        session.SetSize("T", 2);
        Assert.Contains("holds the index 2", Assert.Throws<SeqDataException>(session.Run).Message, StringComparison.Ordinal);
    }

    /// <summary>TensorFlow's StridedSlice names all axes, whole ones too.</summary>
    [Fact]
    public void Gates_that_are_cut_along_all_axes_are_those_of_a_layer()
    {
        var loop = new LoopModel("gru-after", "T");
        loop.Model.Constant<long>("axes", [2], 0, 1);
        for (var gate = 0; gate < 3; gate++) loop.Model.Constant<long>($"from{gate}", [2], 0, gate * H).Constant<long>($"to{gate}", [2], int.MaxValue, (gate + 1) * H);
        var (x, s) = (loop.Add("Add", $"{loop.Add("MatMul", $"{loop.Add("Gather", "xt round", ("axis", 0))} W")} b"), loop.Add("Add", $"{loop.Add("MatMul", "h U")} b2"));
        string Part(string value, int gate) => loop.Add("Slice", $"{value} from{gate} to{gate} axes");
        string Gate(int gate) => loop.Add("Sigmoid", loop.Add("Add", $"{Part(x, gate)} {Part(s, gate)}"));
        var (z, r) = (Gate(0), Gate(1));
        var n = loop.Add("Tanh", loop.Add("Add", $"{Part(x, 2)} {loop.Add("Mul", $"{r} {Part(s, 2)}")}"));
        var next = loop.Add("Add", $"{loop.Add("Mul", $"{z} h")} {loop.Add("Mul", $"{loop.Add("Sub", $"one {z}")} {n}")}");
        loop.Carry("h", "h0", next, "hT");
        loop.Collect(next, "y");
        loop.Close();
        Assert.Single(loop.Layers(out _));
        loop.Compare(1, 5);
    }

    private static void Scatter(LoopModel loop, string way, string place, string h)
    {
        var row = loop.Add("Unsqueeze", $"{h} ax0");
        switch (way)
        {
            case "rows":
                loop.Carry("kept", "room", loop.Add("ScatterND", $"kept {loop.Add("Reshape", $"{place} ax11")} {row}"), "y");
                break;
            case "row":
                loop.Carry("kept", "room", loop.Add("ScatterND", $"kept {loop.Add("Reshape", $"{place} ax1")} {h}"), "y");
                break;
            case "elements":
                loop.Model.Constant<long>("ones", [3], 1, N, H);
                loop.Carry("kept", "room", loop.Add("ScatterElements", $"kept {loop.Add("Expand", $"{loop.Add("Reshape", $"{place} ax111")} ones")} {row}", ("axis", 0)), "y");
                break;
            case "elements-1":
                loop.Model.Constant<long>("ones", [3], N, 1, H).Node("Transpose", "room", "byBatch", ("perm", new long[] { 1, 0, 2 }));
                loop.Carry("kept", "byBatch", loop.Add("ScatterElements", $"kept {loop.Add("Expand", $"{loop.Add("Reshape", $"{place} ax111")} ones")} {loop.Add("Unsqueeze", $"{h} ax1")}", ("axis", -2)), "y");
                break;
            case "pairs":
                // y[:, t] = h, as PyTorch writes it: indices (row of the batch, step).
                loop.Model.Constant<long>("batch", [N, 1], 0, 1).Constant<long>("column", [2], N, 1).Node("Transpose", "room", "byBatch", ("perm", new long[] { 1, 0, 2 }));
                loop.Carry("kept", "byBatch", loop.Add("ScatterND", $"kept {loop.Add("Concat", $"batch {loop.Add("Expand", $"{place} column")}", ("axis", 1))} {h}"), "y");
                break;
            default:
                // A part of the batch only.
                loop.Model.Constant<long>("ones", [3], 1, 1, H);
                loop.Carry("kept", "room", loop.Add("ScatterElements", $"kept {loop.Add("Expand", $"{loop.Add("Reshape", $"{place} ax111")} ones")} {loop.Add("Slice", $"{row} ax0 ax1 ax1")}", ("axis", 0)), "y");
                break;
        }
    }
}
