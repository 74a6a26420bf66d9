using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.Recurrence;

/// <summary>Ways to take a step from a sequence and to join outputs, as in TorchScript, TensorFlow and Scan.</summary>
public class LoopInputTests
{
    private const int N = LoopModel.N, I = LoopModel.I, H = LoopModel.H;

    /// <summary>x[:, t:t + 1], with or without ranges for the other axes, at a later place, or counted from the end.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru-after")]
    [InlineData("rnn")]
    public void A_step_that_is_cut_out_is_looked_up(string cell)
    {
        foreach (var way in (string[])["one", "all", "later", "backward"])
        {
            var loop = new LoopModel(cell, "T");
            loop.Model.Constant<long>("upTo", [1], int.MaxValue).Constant<long>("axes", [3], 0, 1, 2).Constant<long>("steps", [3], 1, 1, 1);
            var place = way switch { "later" => loop.Add("Add", "round one64"), "backward" => loop.Add("Sub", "last round"), _ => "round" };
            var (from, to) = (loop.Add("Unsqueeze", $"{place} ax0"), loop.Add("Unsqueeze", $"{loop.Add("Add", $"{place} one64")} ax0"));
            var x = way == "all"
                ? loop.Add("Slice", $"x {loop.Add("Concat", $"ax0 {from} ax0", ("axis", 0))} {loop.Add("Concat", $"upTo {to} upTo", ("axis", 0))} axes steps")
                : loop.Add("Slice", $"x {from} {to} ax1");
            var (h, c) = loop.Body.Step(loop.Add("Squeeze", $"{x} ax1"), "h", "c");
            loop.Carry("h", "h0", h, "hT");
            if (c is not null) loop.Carry("c", "c0", c, "cT");
            loop.Collect(h, "y");
            loop.Close(way == "later" ? "last" : "T64");
            Assert.Single(loop.Layers(out _));
            loop.Compare(way == "later" ? [2, 7] : [1, 2, 7]);
        }
    }

    /// <summary>A step with some of the features.</summary>
    [Fact]
    public void A_step_and_a_part_of_it_are_cut_at_once()
    {
        var loop = new LoopModel("rnn", "T");
        loop.Model.Constant<long>("axes", [2], 1, 2).Constant<long>("begin", [1], 1).Constant<long>("end", [1], I).Random("wide", 60, 1, I - 1, I);
        var (from, to) = (loop.Add("Unsqueeze", "round ax0"), loop.Add("Unsqueeze", $"{loop.Add("Add", "round one64")} ax0"));
        var x = loop.Add("Squeeze", $"{loop.Add("Slice", $"x {loop.Add("Concat", $"{from} begin", ("axis", 0))} {loop.Add("Concat", $"{to} end", ("axis", 0))} axes")} ax1");
        var (h, _) = loop.Body.Step(loop.Add("MatMul", $"{x} wide"), "h", c: null);
        loop.Carry("h", "h0", h, "hT");
        loop.Collect(h, "y");
        loop.Close();
        Assert.Single(loop.Layers(out _));
        loop.Compare(1, 2, 7);
    }

    /// <summary>A backward layer puts each output before earlier ones: in a list, an empty tensor, or a nonempty one.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru-before")]
    [InlineData("rnn-relu")]
    public void Outputs_that_grow_at_the_front_are_those_of_a_layer(string cell)
    {
        foreach (var before in (int[])[0, 2])
        {
            foreach (var axis in (int[])[0, 1])
            {
                var loop = new LoopModel(cell, "T");
                loop.Model.Random("before", 60, 1, axis == 0 ? [before, N, H] : [N, before, H]);
                var (h, c) = loop.Body.Step(loop.Add("Gather", $"xt {loop.Add("Sub", "last round")}", ("axis", 0)), "h", "c");
                loop.Carry("h", "h0", h, "hT");
                if (c is not null) loop.Carry("c", "c0", c, "cT");
                loop.Carry("grown", "before", loop.Add("Concat", $"{loop.Add("Unsqueeze", $"{h} ax{axis}")} grown", ("axis", axis)), "y");
                loop.Close();
                Assert.Single(loop.Layers(out _));
                loop.Compare(1, 2, 7);
            }
        }
    }

    [Fact]
    public void A_list_that_grows_at_the_front_is_the_output_of_a_layer()
    {
        var loop = new LoopModel("gru-after", "T");
        loop.Model.Node("SequenceEmpty", "", "empty", ("dtype", OnnxBuilder.Float));
        var (h, _) = loop.Body.Step(loop.Add("Gather", $"xt {loop.Add("Sub", "last round")}", ("axis", 0)), "h", c: null);
        loop.Carry("h", "h0", h, "hT");
        loop.Carry("list", "empty", loop.Add("SequenceInsert", $"list {h} dot"), "outputs", isOutput: false);
        loop.Close();
        var list = new TypeProto { SequenceType = new TypeProto.Types.Sequence { ElemType = OnnxBuilder.Port("e", OnnxBuilder.Float).Type } };
        list.SequenceType.ElemType.TensorType.Shape = null;
        (loop.Body.Body.Input[^1].Type, loop.Body.Body.Output[^1].Type) = (list, list);
        loop.Model.Node("ConcatFromSequence", "outputs", "y", ("axis", 1), ("new_axis", 1)).Output("y");
        Assert.Single(loop.Layers(out _));
        loop.Compare(1, 2, 7);
    }

    /// <summary>Outputs of a Scan joined along an axis other than the first, in either direction.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(-1, 0)]
    [InlineData(-2, 1)]
    [InlineData(0, 1)]
    public void A_scan_may_collect_along_any_axis(int axis, int direction)
    {
        var loop = new LoopModel("gru-after", "T");
        loop.Body.Body.Input.Clear();
        foreach (var name in (string[])["h", "row"]) loop.Body.Body.Input.Add(Port(name));
        var (h, _) = loop.Body.Step("row", "h", c: null);
        foreach (var value in (string[])[loop.Add("Identity", h), loop.Add("Identity", h), loop.Add("Tanh", h)]) loop.Body.Body.Output.Add(Port(value));
        loop.Model.Node("Scan", "h0 x", "hT y z", ("body", loop.Body.Body), ("num_scan_inputs", 1), ("scan_input_axes", new long[] { -2 }), ("scan_output_axes", new long[] { axis, 0 }), ("scan_output_directions", new long[] { direction, 1 - direction })).Output("hT").Output("y").Output("z");
        Assert.Single(loop.Layers(out _));
        loop.Compare(1, 2, 7);

        static ValueInfoProto Port(string name)
        {
            var port = OnnxBuilder.Port(name, OnnxBuilder.Float);
            port.Type.TensorType.Shape = null;
            return port;
        }
    }
}
