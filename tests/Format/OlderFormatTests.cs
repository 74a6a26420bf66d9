using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>Files of older versions. <c>tests/Golden</c> keeps one of each.</summary>
public class OlderFormatTests
{
    [Theory]
    [InlineData("1.1")]
    [InlineData("1.3")]
    public void A_file_of1_is_refused_with_what_to_do(string version)
    {
        var path = Repository.Find($"tests/Golden/format-{version}.seq");
        var fault = Assert.Throws<SeqFormatException>(() => SeqModel.Load(path));
        Assert.Contains("format version 1 is not supported; this runtime reads version 2.", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"Run 'seqconvert upgrade {path}', or convert the model again.", fault.Message, StringComparison.Ordinal);
        Assert.Contains("'seqconvert upgrade FILE'", Assert.Throws<SeqFormatException>(() => SeqModel.Load(File.ReadAllBytes(path))).Message, StringComparison.Ordinal);
    }

    /// <summary>There is nothing to upgrade.</summary>
    [Fact]
    public void A_file_of0_is_damaged()
    {
        var file = SeqWriter.ToArray(SmallSeq.Build());
        file[SeqLayout.MajorAt] = 0;
        var message = Assert.Throws<SeqFormatException>(() => SeqModel.Load(file)).Message;
        Assert.Contains("there is no format version 0. The file is damaged;", message, StringComparison.Ordinal);
        Assert.DoesNotContain("upgrade", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_later_version_asks_for_a_newer_runtime()
    {
        var file = SeqWriter.ToArray(SmallSeq.Build());
        file[SeqLayout.MajorAt]++;
        Assert.Contains($"format version {SeqLayout.Major + 1} is not supported; this runtime reads version {SeqLayout.Major}. Use a newer runtime.", Assert.Throws<SeqFormatException>(() => SeqModel.Load(file)).Message, StringComparison.Ordinal);
    }

    /// <summary>The written file is read back with every name, and is smaller.</summary>
    [Fact]
    public void The_same_model_is_written_compactly()
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
