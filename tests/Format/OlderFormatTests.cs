using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>Files of older minor versions load and run as they did; <c>tests/Golden</c> keeps one of each.</summary>
public class OlderFormatTests
{
    /// <summary>Made by the converter of format 1.1: y = tanh(E[ids] + h)·K with a state h.</summary>
    [Fact]
    public void AFileOf11IsReadWithItsNamesAndRuns()
    {
        using var model = SeqModel.Load(Repository.Find("tests/Golden/format-1.1.seq"));
        Assert.Equal([SeqLayout.TensorsBefore, SeqLayout.GraphsBefore], model.Loaded.Sections.Select(s => s.Name).Where(n => n is not (SeqLayout.Metadata or SeqLayout.Tables or SeqLayout.Data)));
        Assert.Equal(["E", "o", "K"], model.Loaded.Tensors.Select(t => t.Name));
        Assert.Equal(["Gather_0", "Squeeze_1", "Add_2", "Tanh_3", "MatMul_4"], model.Loaded.Graphs[0].Nodes.Select(n => n.Name));
        using var session = model.CreateSession();
        session.Input<long>("ids").Fill(3);
        session.Run();
        var expected = 0f;
        unsafe
        {
            var (table, matrix) = ((nint)model.Loaded.Tensors[0].Floats, (nint)model.Loaded.Tensors[2].Floats);
            for (var k = 0; k < 8; k++) expected += MathF.Tanh(((float*)table)[3 * 8 + k]) * ((float*)matrix)[k * WeightLayout.TileRows];
        }

        Assert.Equal(expected, session.Output<float>("output")[0], 1e-5f);
    }

    /// <summary>What is written now is read back with every name, and is smaller.</summary>
    [Fact]
    public void TheSameModelIsWrittenCompactly()
    {
        var bytes = SeqWriter.ToArray(SmallSeq.Build());
        using var model = SeqModel.Load(bytes);
        var built = SmallSeq.Build();
        Assert.Equal(built.Tensors.Select(t => t.Name), model.Loaded.Tensors.Select(t => t.Name));
        foreach (var (graph, loaded) in built.Graphs.Zip(model.Loaded.Graphs))
        {
            Assert.Equal(graph.Values.Select(v => v.Name), loaded.Values.Select(v => v.Name));
            Assert.Equal(graph.Nodes.Select(n => n.Name), loaded.Nodes.Select(n => n.Name));
            Assert.Equal(graph.Nodes.SelectMany(n => n.Inputs), loaded.Nodes.SelectMany(n => n.Inputs));
        }
    }
}
