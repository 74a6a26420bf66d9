using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

/// <summary>Output files are written completely or not at all, and only regular files are replaced.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_new_file_and_an_old_one_hold_what_was_written_and_nothing_else_is_left()
    {
        Write("new.npy", 1, 2);
        _folder.Write("old.npy", 9, 9, 9);
        Write("old.npy", 3);
        Assert.Equal([1, 2], Read("new.npy"));
        Assert.Equal([3], Read("old.npy"));
        Assert.Equal(["new.npy", "old.npy"], _folder.Files);
    }

    [Fact]
    public void A_fault_while_writing_leaves_the_old_file_and_nothing_beside_it()
    {
        _folder.Write("a", 1);
        _folder.Write("b", 2);
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write([(_folder["a"], s => s.WriteByte(7)), (_folder["c"], s => s.WriteByte(7)), (_folder["b"], _ => throw new InvalidDataException())]));
        Assert.Equal([1], Read("a"));
        Assert.Equal([2], Read("b"));
        Assert.Equal(["a", "b"], _folder.Files);
    }

    [Fact]
    public void A_link_stays_and_what_it_leads_to_is_replaced()
    {
        _folder.Write("deep/target.npy", 1);
        _folder.Link("link.npy", "deep/target.npy");
        Write("link.npy", 5, 6);
        Assert.Equal("deep/target.npy", new FileInfo(_folder["link.npy"]).LinkTarget);
        Assert.Null(new FileInfo(_folder["deep/target.npy"]).LinkTarget);
        Assert.Equal([5, 6], Read("deep/target.npy"));

        _folder.Link("dangling.npy", "later.npy");
        Write("dangling.npy", 8);
        Assert.Equal("later.npy", new FileInfo(_folder["dangling.npy"]).LinkTarget);
        Assert.Equal([8], Read("later.npy"));
        Assert.Equal(["target.npy"], Directory.GetFiles(_folder["deep"]).Select(p => Path.GetFileName(p)));
    }

    [Fact]
    public void Links_that_lead_round_in_a_circle_are_refused()
    {
        _folder.Link("a.npy", "b.npy");
        _folder.Link("b.npy", "a.npy");
        Assert.Contains("symbolic links are circular", Assert.Throws<ConversionException>(() => Write("a.npy", 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mode_bits_stay()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("needs Unix mode bits");
            return;
        }

        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;
        File.SetUnixFileMode(_folder.Write("a", 1), mode);
        Write("a", 2);
        Assert.Equal([2], Read("a"));
        Assert.Equal(mode, File.GetUnixFileMode(_folder["a"]));
    }

    [Fact]
    public void A_file_that_may_not_be_written_is_refused()
    {
        var path = _folder.Write("a", 1);
        new FileInfo(path).IsReadOnly = true;
        foreach (var attempt in (Action[])[() => AtomicFile.Check(path), () => Write("a", 2)])
            Assert.Equal($"{path}: the file is read-only; allow writing, or write to another file", Assert.Throws<ConversionException>(attempt).Message);
        Assert.Equal([1], Read("a"));
        new FileInfo(path).IsReadOnly = false;
    }

    [Fact]
    public void A_link_to_a_folder_that_is_missing_names_it()
    {
        var link = _folder.Link("out.npy", _folder["none/x.npy"]);
        Assert.Equal($"{link}: it cannot be written: there is no directory '{_folder["none"]}'; create it first", Assert.Throws<ConversionException>(() => AtomicFile.Check(link)).Message);
    }

    [Fact]
    public async Task A_pipe_is_written_to_and_stays_one()
    {
        var pipe = _folder.Pipe("out.npy");
        var reader = Task.Run(() => File.ReadAllBytes(pipe));
        AtomicFile.Check(pipe);
        Write("out.npy", 1, 2, 3);
        Assert.Equal([1, 2, 3], await reader);
        Assert.True(SpecialFile.Is(pipe));
        Assert.Equal(["out.npy"], _folder.Files);
    }

    [Fact]
    public void A_device_is_written_to_and_stays_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux devices");
        _folder.Link("null.npy", "/dev/null");
        Write("null.npy", 1, 2, 3);
        Assert.True(SpecialFile.Is("/dev/null"));
        Assert.False(SpecialFile.Is(_folder.Write("empty")));
        _folder.Link("full.npy", "/dev/full");
        Assert.Contains("full.npy: it cannot be written", Assert.Throws<ConversionException>(() => AtomicFile.Write(_folder["full.npy"], s => { s.WriteByte(1); s.Flush(); })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_file_is_not_overwritten()
    {
        var source = _folder.Write("in.npy", 1);
        _folder.Link("other.npy", "in.npy");
        foreach (var target in (string[])[source, _folder["./in.npy"], _folder["other.npy"]])
            Assert.Equal($"-o {target}: this would overwrite '{source}', which the command reads; write to another file", Assert.Throws<ConversionException>(() => AtomicFile.Check(target, source)).Message);
    }

    public void Dispose() => _folder.Dispose();

    private void Write(string name, params byte[] content) => AtomicFile.Write(_folder[name], stream => stream.Write(content));

    private byte[] Read(string name) => File.ReadAllBytes(_folder[name]);
}
