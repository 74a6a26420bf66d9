using System.Text.RegularExpressions;
using System.Xml.Linq;
using SeqRuntime.Converter.Pictures;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Pictures;

/// <summary>Pictures of graphs: no boxes overlap, no line crosses a box, chains are folded, large graphs stay readable.</summary>
public sealed partial class GraphPictureTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    [InlineData(300)]
    [InlineData(2000)]
    public void Random_graphs_have_no_overlaps(int nodes)
    {
        for (var seed = 0; seed < (nodes > 1000 ? 2 : 8); seed++)
        {
            using var model = SeqModel.Load(SeqWriter.ToArray(Random(nodes, seed)));
            var drawn = Layout.Of(PictureBuilder.Of(model.Loaded.Graphs[0]));
            CheckGeometry(drawn);
            Assert.True(drawn.Picture.Boxes.Count <= PictureBuilder.MostBoxes + 8, $"{drawn.Picture.Boxes.Count} boxes");
            Assert.Equal(2, drawn.Loops.Count);
            Check(GraphPicture.Svg(model));
        }
    }

    [Fact]
    public void Every_graph_of_a_file_is_drawn_with_its_weights_and_states()
    {
        using var model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()));
        foreach (var graph in model.Loaded.Graphs) CheckGeometry(Layout.Of(PictureBuilder.Of(graph)));
        var svg = GraphPicture.Svg(model);
        var texts = Check(svg).Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToList();
        Assert.All(model.Graphs, graph => Assert.Contains(graph.Name, texts));
        Assert.All(model.Graphs.SelectMany(g => g.States), state => Assert.Contains(state.Name, texts));
        Assert.Contains("Gru", texts);
        Assert.Contains(texts, text => text is "9 × 6 int8" or "9 × 6 narrow int8");
        Assert.Contains("int32 [T, 1]", texts);
        Assert.Contains("prefers-color-scheme:dark", svg, StringComparison.Ordinal);
        Assert.Single(Check(GraphPicture.Svg(model, "step")).Descendants(), e => (string?)e.Attribute("class") == "name");
    }

    [Fact]
    public void A_chain_without_weights_is_one_box()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var value = graph.Input("x", ElementType.Float32, 4);
        foreach (var function in (UnaryFunction[])[UnaryFunction.Neg, UnaryFunction.Tanh, UnaryFunction.Sigmoid]) value = graph.Node(OpKind.Unary, [value], new Attributes().Set(AttributeKey.Function, function));
        graph.Output("y", value);
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var picture = PictureBuilder.Of(model.Loaded.Graphs[0]);
        Assert.Equal(3, picture.Boxes.Count);
        Assert.Equal(["Neg", "Tanh", "Sigmoid"], picture.Boxes[1].Lines);
    }

    [Fact]
    public void Names_with_any_characters_give_valid_XML()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("<g> & \"h\"");
        graph.Output("y\u0001", graph.Node(OpKind.Unary, [graph.Input("a<b>&'c'", ElementType.Float32, 4)], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg), "node\nwith\u0002 control"));
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.Contains("a<b>&'c'", Check(GraphPicture.Svg(model)).Descendants().Select(e => e.Value));
    }

    [Fact]
    public void The_command_draws_files_and_models()
    {
        using var cli = new Commands.CommandLine();
        cli.Good("graph", Repository.Find("NativeAotSample/g2p.seq"), "-o", cli["g2p.svg"]);
        Check(File.ReadAllText(cli["g2p.svg"]));
        cli.Good("graph", Repository.Find("training/g2p.json"), "-o", cli["model.svg"], "--graph", "step");
        Assert.Contains("float32", File.ReadAllText(cli["model.svg"]), StringComparison.Ordinal);
        cli.Fails(2, ["graph", Repository.Find("NativeAotSample/g2p.seq"), "-o", cli["g2p.png"]], "OUT.svg");
        cli.Fails(2, ["graph", Repository.Find("NativeAotSample/g2p.seq"), "-o", cli["g2p.svg"], "--graph", "none"], "has no graph 'none'");
        cli.Fails(1, ["graph", cli["none.seq"], "-o", cli["a.svg"]], "there is no such file");
    }

    private static XElement Check(string svg)
    {
        var root = XElement.Parse(svg);
        Assert.Equal("{http://www.w3.org/2000/svg}svg", root.Name.ToString());
        Assert.DoesNotMatch(@"NaN|Infinity|E\+", NumbersOnly().Replace(svg, ""));
        return root;
    }

    private static void CheckGeometry(LaidOut drawn)
    {
        var boxes = drawn.Picture.Boxes;
        for (var i = 0; i < boxes.Count; i++)
        {
            Assert.True(boxes[i].X >= 0 && boxes[i].Y >= 0 && boxes[i].X + boxes[i].Width <= drawn.Width && boxes[i].Y + boxes[i].Height <= drawn.Height, $"{boxes[i].Note} is outside");
            for (var j = i + 1; j < boxes.Count; j++) Assert.False(Overlap(boxes[i], boxes[j]), $"'{boxes[i].Note}' and '{boxes[j].Note}' overlap");
        }

        foreach (var line in drawn.Lines.Concat(drawn.Loops))
        {
            foreach (var (from, to) in line.Zip(line.Skip(1)))
            {
                foreach (var box in boxes)
                {
                    for (var part = 0.02; part < 1; part += 0.02)
                    {
                        var (x, y) = (from.X + part * (to.X - from.X), from.Y + part * (to.Y - from.Y));
                        Assert.False(x > box.X + 0.1 && x < box.X + box.Width - 0.1 && y > box.Y + 0.1 && y < box.Y + box.Height - 0.1, $"a line crosses '{box.Note}'");
                    }
                }
            }
        }
    }

    private static bool Overlap(Box a, Box b) => a.X < b.X + b.Width && b.X < a.X + a.Width && a.Y < b.Y + b.Height && b.Y < a.Y + a.Height;

    /// <summary>A graph in which each node reads one or two earlier values, with two states.</summary>
    private static SeqModelBuilder Random(int nodes, int seed)
    {
        var random = new Random(seed);
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        int first = graph.State("first", ElementType.Float32, [1, 4]), second = graph.State("second", ElementType.Float32, [1, 4]);
        List<int> values = [graph.Input("x", ElementType.Float32, 1, 4), first, second];
        for (var i = 0; i < nodes; i++)
        {
            int Earlier() => values[random.Next(3) > 0 ? Math.Max(values.Count - 1 - random.Next(4), 0) : random.Next(values.Count)];
            values.Add(random.Next(3) == 0
                ? graph.Node(OpKind.Binary, [Earlier(), Earlier()], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add), $"add {i}")
                : graph.Node(OpKind.Unary, [Earlier()], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh), $"tanh {i}"));
        }

        graph.UpdateState(first, values[^1]);
        graph.UpdateState(second, values[^2]);
        graph.Output("y", values[^1]);
        return builder;
    }

    [GeneratedRegex("<(style|text|title)[^>]*>[^<]*</")]
    private static partial Regex NumbersOnly();
}
