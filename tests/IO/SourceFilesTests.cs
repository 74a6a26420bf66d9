using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

/// <summary>One policy for every file that a model names: regular files in its own folder, checked after following links.</summary>
public sealed class SourceFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public SourceFilesTests()
    {
        _model = _folder.Write("models/model.onnx", 1);
        _folder.Write("models/weights.bin", 2);
        _folder.Write("models/part/more.bin", 3);
        _folder.Write("secret/secret.bin", 4);
    }

    [Theory]
    [InlineData("weights.bin", 2)]
    [InlineData("./weights.bin", 2)]
    [InlineData("part/more.bin", 3)]
    [InlineData("part/../weights.bin", 2)]
    public void Files_of_the_models_folder_are_found(string name, byte content) => Assert.Equal([content], Read(name));

    [Theory]
    [InlineData("../secret/secret.bin", "lies outside the model's folder")]
    [InlineData("part/../../secret/secret.bin", "lies outside the model's folder")]
    [InlineData("/etc/hostname", "lies outside the model's folder")]
    [InlineData("..", "lies outside the model's folder")]
    [InlineData("other.bin", "is missing; put the file beside the model")]
    [InlineData("part", "is a directory")]
    [InlineData("", "is missing")]
    [InlineData("a\0b", "is missing")]
    public void Files_that_are_missing_or_in_other_folders_are_refused(string name, string why) => Refused(name, why);

    [Fact]
    public void Links_are_followed_first_in_every_part_of_a_path()
    {
        _folder.Link("models/inside.bin", "part/more.bin");
        _folder.Link("models/outside.bin", "../secret/secret.bin");
        _folder.Link("models/door", "../secret");
        _folder.Link("models/part/back", "..");
        _folder.Link("models/hop.bin", "part/back/outside.bin");
        _folder.Link("models/round.bin", "round.bin");
        Assert.Equal([3], Read("inside.bin"));
        Assert.Equal([2], Read("part/back/weights.bin"));
        Refused("outside.bin", "is a symbolic link to a file outside the model's folder");
        Refused("door/secret.bin", "is a symbolic link to a file outside the model's folder");
        Refused("hop.bin", "is a symbolic link to a file outside the model's folder");
        Refused("door", "is a symbolic link to a file outside");
        Assert.Contains("symbolic links are circular", Assert.Throws<ConversionException>(() => Read("round.bin")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pipes_devices_and_empty_files_are_refused_without_opening_them()
    {
        _folder.Pipe("models/pipe.bin");
        _folder.Write("models/empty.bin");
        Refused("pipe.bin", "is a pipe or a device; put a regular file in its place");
        Refused("empty.bin", "is an empty file");
    }

    /// <summary>As in a download cache, where model and weights are links into a folder of blobs.</summary>
    [Fact]
    public void A_model_that_is_a_link_may_name_files_beside_its_target()
    {
        _folder.Write("blobs/1111", 1);
        _folder.Write("blobs/2222", 2);
        Directory.CreateDirectory(_folder["snapshot"]);
        var model = _folder.Link("snapshot/model.onnx", "../blobs/1111");
        _folder.Link("snapshot/model.onnx_data", "../blobs/2222");
        _folder.Link("snapshot/stolen", "../secret/secret.bin");
        var files = new SourceFiles([]);
        Assert.Equal([2], files.ReadFound(files.FolderOf(model).Find("model.onnx_data", Told)));
        Assert.Contains("is a symbolic link to a file outside", Assert.Throws<ConversionException>(() => files.FolderOf(model).Find("stolen", Told)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_the_user_permits_is_read_too()
    {
        _folder.Link("models/door", "../secret");
        var files = new SourceFiles([_folder["secret"]]);
        foreach (var name in (string[])["../secret/secret.bin", "door/secret.bin", _folder["secret/secret.bin"]]) Assert.Equal([4], files.ReadFound(files.FolderOf(_model).Find(name, Told)));
        Assert.Contains("--allow-folder DIR", Assert.Throws<ConversionException>(() => files.FolderOf(_model).Find("../other/x", Told)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pipe_that_the_user_names_is_read_to_its_end()
    {
        var pipe = _folder.Pipe("main.onnx");
        byte[] content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)i)];
        var writer = Task.Run(() => File.WriteAllBytes(pipe, content));
        var files = new SourceFiles([]);
        Assert.Equal(content, files.ReadNamed(pipe));
        await writer;
        Assert.Equal(content.Length, files.Of(pipe).Bytes);
    }

    [Fact]
    public void A_pipe_without_an_end_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux devices");
        _folder.Link("zeros.onnx", "/dev/zero");
        Assert.Contains("gives more than 256 MiB", Assert.Throws<ConversionException>(() => new SourceFiles([]).ReadNamed(_folder["zeros.onnx"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_to_be_written_is_not_read()
    {
        var target = _folder.Link("models/out.seq", "weights.bin");
        var files = new SourceFiles([], target);
        Assert.Contains("this would overwrite", Assert.Throws<ConversionException>(() => files.ReadFound(files.FolderOf(_model).Find("weights.bin", Told))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static ConversionException Told(string what) => new(what);

    private byte[] Read(string name)
    {
        var files = new SourceFiles([]);
        return files.ReadFound(files.FolderOf(_model).Find(name, Told));
    }

    private void Refused(string name, string why) => Assert.Contains(why, Assert.Throws<ConversionException>(() => Read(name)).Message, StringComparison.Ordinal);
}
