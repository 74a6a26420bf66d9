using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Tests.Commands;

/// <summary>A bug of the converter is reported as such, with its own exit code. Outputs never overwrite files that are read.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly CommandLine _cli = new();

    [Fact]
    public void A_bug_of_ours_is_no_fault_of_the_model()
    {
        using var stderr = new StringWriter();
        using var broken = new BrokenWriter();
        TinyModel.Write(_cli["m.seq"]);
        var code = SeqConvert.Invoke(["inspect", _cli["m.seq"]], broken, stderr);
        Assert.Equal(70, code);
        var lines = stderr.ToString().Split('\n');
        Assert.StartsWith("seqconvert: this is a bug in seqconvert, not in your model or command; please report it", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("System.Collections.Generic.KeyNotFoundException: made by a test", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", stderr.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_that_no_one_writes_to_is_no_model()
    {
        using var folder = new TemporaryFolder();
        var pipe = folder.Pipe("m.seq");
        foreach (var command in (string[][])[["inspect", pipe], ["run", pipe], ["decode", pipe, "a"]]) _cli.Fails(1, command, $"{pipe}: this is a pipe or a device; give a regular file");
    }

    [Fact]
    public void Run_writes_over_none_of_its_inputs()
    {
        var model = _cli["m.seq"];
        TinyModel.Write(model);
        using var folder = new TemporaryFolder();
        var x = folder.Write("x.npy", 1, 2, 3);
        var link = folder.Link("y.npy", "x.npy");
        foreach (var target in (string[])[x, link]) _cli.Fails(1, ["run", model, "-g", "sum", "--input", $"x={x}", "-o", target], $"-o {target}: this would overwrite '{x}', which the command reads; write to another file");
        var archive = folder.Write("in.npz", 4);
        _cli.Fails(1, ["run", model, "-g", "sum", "--inputs", archive, "-o", archive], "this would overwrite");
        Assert.Equal([1, 2, 3], File.ReadAllBytes(x));
        Assert.Equal([4], File.ReadAllBytes(archive));
    }

    [Fact]
    public void Convert_writes_over_none_of_the_files_that_the_model_names()
    {
        using var folder = new TemporaryFolder();
        var json = folder.Write("m.json", """{ "weights": "w.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, 2] } }, "layers": [], "outputs": { "y": "x" } } } }"""u8.ToArray());
        var weights = folder.Write("w.npz", 1, 2, 3);
        var target = folder.Link("out.seq", "w.npz");
        _cli.Fails(1, ["convert", json, "-o", target], $"-o {target}: this would overwrite '{weights}', which the model is read from; write to another file");
        Assert.Equal([1, 2, 3], File.ReadAllBytes(weights));
        _cli.Fails(2, ["convert", json, "-o", folder.Link("same.seq", "m.json")], "this would overwrite the source");
    }

    [Fact]
    public void A_description_names_weights_of_its_own_folder_or_of_one_that_is_permitted()
    {
        using var folder = new TemporaryFolder();
        var json = folder.Write("models/m.json", """{ "weights": "../w.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, 2] } }, "layers": [{ "kind": "activation", "function": "tanh", "input": "x", "output": "y" }], "outputs": { "y": "y" } } } }"""u8.ToArray());
        folder.Write("w.npz", [.. "PK\x05\x06"u8, .. new byte[18]]);
        _cli.Fails(1, ["convert", json, "-o", _cli["m.seq"]], $"{json}: the weight file '../w.npz' lies outside the model's folder; put the file itself there, or allow its folder with --allow-folder DIR");
        _cli.Good("convert", json, "-o", _cli["m.seq"], "--allow-folder", folder.Path, "--quiet");
        _cli.Fails(2, ["convert", json, "-o", _cli["m.seq"], "--allow-folder", folder["none"]], "there is no such directory");
    }

    public void Dispose() => _cli.Dispose();

    private sealed class BrokenWriter : StringWriter
    {
        public override void Write(ReadOnlySpan<char> buffer) => throw new KeyNotFoundException("made by a test");

        public override void Write(string? value) => throw new KeyNotFoundException("made by a test");

        public override void WriteLine(string? value) => throw new KeyNotFoundException("made by a test");
    }
}
