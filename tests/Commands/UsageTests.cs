namespace SeqRuntime.Tests.Commands;

public sealed class UsageTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    public static TheoryData<string[], string> WrongUsage => new()
    {
        { [], "give a command: convert, doctor, scaffold, upgrade, verify, inspect, graph, run, decode; see 'seqconvert" },
        { ["frobnicate"], "frobnicate" },
        { ["convert"], "seqconvert convert --help" },
        { ["convert", "a.onnx"], "--out" },
        { ["convert", "-o", "a.seq"], "convert --help" },
        { ["convert", "a.onnx", "-o", "a.bin"], "OUT.seq" },
        { ["convert", "a.onnx", "-o", "no/such/folder/a.seq"], "there is no directory" },
        { ["convert", "a.onnx", "-o", "a.seq", "--weights", "int3"], "int3" },
        { ["convert", "a.onnx", "-o", "a.seq", "--weights-of", "lstm*"], "write --weights-of PATTERN=KIND" },
        { ["convert", "a.onnx", "-o", "a.seq", "--weights-of", "lstm*=int3"], "one of fp32, fp16, bf16, int8g32, int8, int4" },
        { ["convert", "a.onnx", "-o", "a.seq", "--weights-of", "=int4"], "write --weights-of PATTERN=KIND" },
        { ["convert", "a.onnx", "-o", "a.seq", "--dim", "T"], "write --dim T=1" },
        { ["convert", "a.onnx", "-o", "a.seq", "--dim", "T=0"], "whole number from 1 to 2147483647" },
        { ["convert", "a.onnx", "-o", "a.seq", "--dim", "T=99999999999"], "whole number" },
        { ["convert", "a.onnx", "-o", "a.seq", "--dim", "T=1.5"], "whole number" },
        { ["convert", "a.onnx", "-o", "a.seq", "--dim", "T=1", "--dim", "T=2"], "given twice" },
        { ["convert", "a.onnx", "-o", "a.seq", "--set", "=1"], "write --set sr=16000" },
        { ["convert", "a.onnx", "-o", "a.seq", "--state", "h"], "write --state in=out" },
        { ["convert", "a.onnx", "b.onnx", "-o", "a.seq"], "several files need names" },
        { ["convert", "x=a.onnx", "x=b.onnx", "-o", "a.seq"], "two graphs are named 'x'" },
        { ["convert", "x=", "-o", "a.seq"], "has no file name" },
        { ["convert", "a.json", "-o", "a.seq", "--weights-file", "x=w.h5"], "there is no graph 'x'; write --weights-file GRAPH=w.h5 with one of main" },
        { ["convert", "a.onnx", "-o", "a.seq", "--frob"], "there is no option '--frob'" },
        { ["upgrade"], "seqconvert upgrade --help" },
        { ["upgrade", "a.seq", "-o", "a.bin"], "OUT.seq" },
        { ["inspect"], "seqconvert inspect --help" },
        { ["inspect", "a.seq", "--size", "T"], "write --size T=100" },
        { ["run"], "seqconvert run --help" },
        { ["run", "a.seq", "--repeat", "0"], "at least 1" },
        { ["run", "a.seq", "--repeat", "many"], "--repeat many: give a whole number" },
        { ["decode", "a.seq", "x", "-b", "1.5"], "-b 1.5: give a whole number" },
        { ["decode", "a.seq", "x", "--length-penalty", "much"], "--length-penalty much: give a number" },
        { ["run", "a.seq", "--kernels", "abacus"], "portable" },
        { ["run", "a.seq", "--input", "x"], "write --input NAME=FILE.npy" },
        { ["run", "a.seq", "-o", "out.wav"], "write FILE.npz" },
        { ["decode"], "seqconvert decode --help" },
        { ["decode", "a.seq"], "--from FILE.txt" },
        { ["decode", "a.seq", "x", "--from", "a.txt"], "--from FILE.txt" },
        { ["decode", "a.seq", "x", "--beam", "0"], "from 1 to 1000" },
        { ["decode", "a.seq", "x", "--beam", "2", "--best", "3"], "from 1 to 2" },
        { ["decode", "a.seq", "x", "--kernels", "abacus"], "portable" },
    };

    [Theory]
    [MemberData(nameof(WrongUsage))]
    public void Wrong_usage_is_one_line_that_says_what_to_write_and_exit_code_2(string[] args, string part) => _cli.Fails(2, args, part, "--help'");

    [Theory]
    [InlineData("convert", "-o", "a.seq")]
    [InlineData("upgrade")]
    [InlineData("inspect")]
    [InlineData("run")]
    [InlineData("decode", "x")]
    public void A_missing_file_is_named_and_exit_code_1(string command, params string[] more)
    {
        string[] args = [command, _cli["missing.bin"], .. more.Select(a => a == "a.seq" ? _cli[a] : a)];
        _cli.Fails(1, args, $"{_cli["missing.bin"]}: there is no such file; check the path");
        _cli.Fails(1, [command, _cli.Folder, .. args[2..]], "this is a directory");
        Assert.Empty(_cli.Files);
    }
}
