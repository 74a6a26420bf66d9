using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Tests.Perf;

/// <summary>perf's command line: errors in one line, exit codes, and short real runs.</summary>
public sealed class PerfCommandTests
{
    [Theory]
    [InlineData("2", "no command")]
    [InlineData("2", "compare --pairs 0")]
    [InlineData("2", "compare --pairs many")]
    [InlineData("2", "compare --only no/such/row")]
    [InlineData("2", "arm --only no/such/step")]
    [InlineData("2", "gate --baseline no-such-file.json")]
    [InlineData("2", "products --rounds 0")]
    [InlineData("2", "profile model.onnx --runs 0")]
    [InlineData("1", "profile no-such-model.onnx")]
    [InlineData("2", "realtime --minutes 0")]
    [InlineData("2", "realtime --latency fast")]
    [InlineData("2", "realtime --gen0-size -1")]
    [InlineData("2", "realtime --apart --period 0")]
    [InlineData("2", "soak --minutes 2000")]
    [InlineData("2", "plot")]
    [InlineData("2", "first-frames --here")]
    [InlineData("2", "first-frames model.seq --size T")]
    [InlineData("1", "first-frames no-such-file.seq --here")]
    [InlineData("1", "plot no-such-report.json -o picture.svg")]
    public void A_fault_is_one_line_and_a_code(string code, string line)
    {
        var (exit, output, error) = Invoke(line.Split(' '));
        Assert.Equal(int.Parse(code), exit);
        Assert.Empty(output);
        Assert.StartsWith("perf: ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public void Help_names_every_command()
    {
        var (exit, output, _) = Invoke("--help");
        Assert.Equal(0, exit);
        foreach (var name in new[] { "compare", "probe", "products", "profile", "first-frames", "gate", "arm", "plot", "realtime", "soak", "bench" }) Assert.Contains(name, output, StringComparison.Ordinal);
    }

    /// <summary>Some rounds of everything at the start of the process. They are too few to judge its memory.</summary>
    [Fact]
    public void Every_round_of_a_soak_has_the_bits_of_the_first_and_allocates_nothing()
    {
        var (_, output, error) = Invoke("soak", "--minutes", "0.005");
        Assert.Empty(error);
        var works = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[..^1];
        Assert.Equal(9, works.Length);
        Assert.All(works, line => Assert.StartsWith("ok", line, StringComparison.Ordinal));
    }

    /// <summary>Runs ours, both of ONNX Runtime's, and the limit, compares their results, and reads the written files back.</summary>
    [Fact]
    public void Compare_writes_what_plot_draws()
    {
        using var folder = new TemporaryFolder();
        var (exit, output, error) = Invoke("compare", "--only", "lstm/step/64/*", "--pairs", "2", "--json", folder["report.json"], "--markdown", folder["report.md"]);
        Assert.True(exit == 0, error);
        foreach (var row in new[] { "fp32-ort", "int8-ort", "int8-dq", "int8-limit" }) Assert.Contains($"lstm/step/64/{row}", output, StringComparison.Ordinal);
        Assert.Contains("| LSTM, one step, int8 | ONNX Runtime DynamicQuantizeLSTM | 64: **", File.ReadAllText(folder["report.md"]), StringComparison.Ordinal);

        (exit, _, error) = Invoke("plot", folder["report.json"], "-o", folder["picture.svg"]);
        Assert.True(exit == 0, error);
        var picture = System.Xml.Linq.XDocument.Load(folder["picture.svg"]);
        var lines = picture.Descendants().Where(e => e.Name.LocalName == "polyline").ToList();
        Assert.Equal(2 + Storage.All.Count, lines.Count);
        Assert.Contains("SeqRuntime int8", picture.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A library that is missing, or is not ncnn, is named with the reason. The exit code tells it too.</summary>
    [Theory]
    [InlineData("no/such/libncnn.so", "could not be loaded as ncnn's shared library (")]
    [InlineData("", "has no function ncnn_version; build ncnn with NCNN_SHARED_LIB=ON and NCNN_C_API=ON")]
    public void Compare_measures_the_other_rows_without_ncnn(string library, string why)
    {
        if (library.Length == 0) library = OperatingSystem.IsWindows() ? "kernel32.dll" : OperatingSystem.IsMacOS() ? "libSystem.dylib" : "libc.so.6";
        var (exit, output, error) = Invoke("compare", "--only", "gru/step/64/fp32-ort", "gru/step/64/int8-ncnn", "--pairs", "1", "--ncnn", library);
        Assert.Equal(1, exit);
        Assert.StartsWith("gru/step/64/fp32-ort ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("ncnn", output, StringComparison.Ordinal);
        Assert.StartsWith($"perf compare: --ncnn: {library} {why}", error, StringComparison.Ordinal);
        Assert.EndsWith("Its rows are left out.\n", error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    /// <summary>The rows of ncnn, with its version in the heading and in the file.</summary>
    [Fact]
    public void Compare_names_the_version_of_ncnn()
    {
        using var folder = new TemporaryFolder();
        var version = NcnnTests.Need().Version;
        var (exit, output, error) = Invoke("compare", "--only", "*step/64/*-ncnn", "--pairs", "1", "--ncnn", NcnnTests.Path!, "--json", folder["report.json"]);
        Assert.True(exit == 0, error);
        Assert.Equal(3, output.Split('\n').Count(line => line.Contains("step/64/", StringComparison.Ordinal) && line.Contains("-ncnn ", StringComparison.Ordinal)));
        Assert.Contains($", ncnn {version}; one thread", output, StringComparison.Ordinal);
        Assert.Contains($"\"ncnn\": \"{version}\"", File.ReadAllText(folder["report.json"]), StringComparison.Ordinal);
    }

    /// <summary>Every node is in the file, once, and their times add up to those of the operators.</summary>
    [Fact]
    public void Profile_tells_the_time_of_each_operator_and_node()
    {
        using var folder = new TemporaryFolder();
        var (exit, output, error) = Invoke("profile", Repository.Find(Path.Combine("NativeAotSample", "g2p.seq")), "--graph", "encoder", "--runs", "3", "--json", folder["nodes.json"]);
        Assert.True(exit == 0, error);
        Assert.Contains("µs a run without the clock", output, StringComparison.Ordinal);
        var report = System.Text.Json.JsonDocument.Parse(File.ReadAllText(folder["nodes.json"])).RootElement;
        var nodes = report.GetProperty("nodes").EnumerateArray().ToList();
        var operators = report.GetProperty("operators").EnumerateArray().ToList();
        Assert.NotEmpty(nodes);
        Assert.Equal(nodes.Count, operators.Sum(kind => kind.GetProperty("nodes").GetInt32()));
        Assert.All(operators, kind => Assert.Contains(kind.GetProperty("operator").GetString()!, output, StringComparison.Ordinal));
    }

    /// <summary>A new process measures the model. Its medians are printed, and a ratio; frame 1 compiles everything, so it takes longest.</summary>
    [Fact]
    public void First_frames_are_measured_in_a_new_process()
    {
        var (exit, output, error) = Invoke("first-frames", Repository.Find(Path.Combine("NativeAotSample", "g2p.seq")));
        Assert.True(exit is 0 or 1, error);
        Assert.Empty(error);
        var cells = output.TrimEnd().Split('\n')[^1].Split('|', StringSplitOptions.TrimEntries);
        Assert.Equal("as stored", cells[2]);
        double[] numbers = [.. cells[3..7].Select(cell => double.Parse(cell.Trim('*'), System.Globalization.CultureInfo.InvariantCulture))];
        Assert.All(numbers, number => Assert.True(number > 0));
        Assert.True(numbers[0] > numbers[2], output);
    }

    [Theory]
    [InlineData("lstm/step/64/int8-ort", "step", true)]
    [InlineData("lstm/step/64/int8-ort", "lstm/*/int8-ort", true)]
    [InlineData("lstm/step/64/int8-ort", "lstm/*/int8", false)]
    [InlineData("gru/step/64/int8-ort", "lstm", false)]
    public void A_pattern_selects_rows(string name, string pattern, bool matches) => Assert.Equal(matches, Wildcard.Matches(name, pattern));

    private static Printed Invoke(params string[] arguments) => Printed.By((output, error) => PerfCommand.Invoke(arguments, output, error));
}
