using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Loaded files, and changes to them afterwards.</summary>
public sealed class LoadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_copied_model_does_not_care_what_becomes_of_the_file()
    {
        var file = SeqWriter.ToArray(SmallSeq.Build());
        var path = _folder.Write("model.seq", file);
        using var mapped = SeqModel.Load(_folder.Write("other.seq", file));
        using var model = SeqModel.Load(path, new SeqModelOptions { CopyIntoMemory = true });
        var before = Run(model);
        Assert.Equal(Run(mapped), before);
        File.WriteAllBytes(path, new byte[file.Length]);
        Assert.Equal(before, Run(model));
        File.WriteAllBytes(path, []);
        Assert.Equal(before, Run(model));
        File.Delete(path);
        Assert.Equal(before, Run(model));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_is_replaced_by_a_file_written_beside_it(bool copies)
    {
        var path = _folder.Write("model.seq", SeqWriter.ToArray(SmallSeq.Build()));
        using var model = SeqModel.Load(path, new SeqModelOptions { CopyIntoMemory = copies });
        using var session = model.CreateSession("step");
        session.Run();
        var before = session.Output<float>(0).ToArray();
        File.Move(_folder.Write("new.seq", [1, 2, 3]), path, overwrite: true);
        session.ResetState();
        session.Run();
        Assert.Equal(before, session.Output<float>(0).ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_no_file_is_refused_by_an_exception_that_the_comment_names(bool copies)
    {
        var options = new SeqModelOptions { CopyIntoMemory = copies };
        Assert.Throws<FileNotFoundException>(() => SeqModel.Load(_folder["none.seq"], options));
        Assert.Throws<DirectoryNotFoundException>(() => SeqModel.Load(_folder["none/none.seq"], options));
        Assert.Throws<UnauthorizedAccessException>(() => SeqModel.Load(_folder.Path, options));
        Assert.Throws<SeqFormatException>(() => SeqModel.Load(_folder.Write("empty.seq", []), options));
        Assert.Throws<SeqFormatException>(() => SeqModel.Load(_folder.Write("short.seq", [1, 2, 3]), options));
        Assert.ThrowsAny<ArgumentException>(() => SeqModel.Load("", options));
        Assert.ThrowsAny<ArgumentException>(() => SeqModel.Load((string)null!, options));
        Assert.ThrowsAny<ArgumentException>(() => SeqModel.Load("a\0b", options));
    }

    [Fact]
    public void A_pipe_is_refused()
    {
        var path = _folder.Pipe("pipe");
        using var both = new FileStream(path, FileMode.Open, FileAccess.ReadWrite); // Without a writer, opening the pipe would wait.
        Assert.Contains("pipe", Assert.Throws<IOException>(() => SeqModel.Load(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static float[] Run(SeqModel model)
    {
        using var session = model.CreateSession("step");
        session.Input<float>("x").Fill(0.5f);
        session.Run();
        return session.Output<float>("y").ToArray();
    }
}
