using System.CommandLine;
using System.Globalization;
using System.Text;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Limits;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Commands;

/// <summary><c>perf probe</c>: measures one core of this machine: bandwidth by working set, and multiplications for each second.</summary>
internal sealed class ProbeCommand
{
    private const int KiB = 1024;
    private const long PeakMacs = 20_000_000;
    private static readonly int[] s_kibibytes = [16, 24, 32, 48, 64, 128, 256, 512, 768, 1024, 2048, 4096, 8192, 16384, 24576, 32768, 65536, 196608];

    private readonly Option<int> _rounds = new("--rounds") { Description = "Number of blocks of each measurement; the fastest counts.", HelpName = "N", DefaultValueFactory = _ => 20 };
    private readonly ReportFiles _files = new("probe");

    public Command Build()
    {
        var command = new Command("probe", "Measures the bandwidth of one core by working set and its peak multiply rates: the limits that perf compare reports shares of.") { _rounds };
        _files.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var rounds = Arguments.AtLeast(1, result, _rounds);
        var report = new ProbeReport(
            Machine.Here(),
            [.. s_kibibytes.SelectMany(size => ReadLoop.Widths.Select(bits => Read((long)size * KiB, bits, rounds)))],
            [.. MultiplyLoop.All.Select(loop => Multiply(loop, rounds))]);
        var tables = Tables(report);
        result.InvocationConfiguration.Output.Write(tables);
        _files.Write(result, report.Machine, report, JsonReports.Default.ProbeReport, tables);
        return ExitCode.Good;
    }

    private static string Tables(ProbeReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{report.Machine}; the fastest block (and the median).\n\n| working set | {string.Join(" | ", ReadLoop.Widths.Select(bits => $"read, {bits}-bit loads, GB/s"))} |\n|---:|{string.Concat(ReadLoop.Widths.Select(_ => "---:|"))}\n");
        foreach (var size in report.Reads.GroupBy(rate => rate.Bytes))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {(size.Key < KiB * KiB ? $"{size.Key / KiB} KiB" : $"{size.Key / KiB / KiB} MiB")} | {string.Join(" | ", size.Select(rate => string.Create(CultureInfo.InvariantCulture, $"{rate.Best:F0} ({rate.Median:F0})")))} |\n");
        }

        text.Append("\n| multiply and accumulate | bits | G/s |\n|---|---:|---:|\n");
        foreach (var peak in report.Peaks) text.Append(CultureInfo.InvariantCulture, $"| {(peak.IsInt8 ? "int8" : "fp32")}, {peak.Name} | {peak.Bits} | {peak.Best:F0} ({peak.Median:F0}) |\n");
        return text.ToString();
    }

    private static ReadRate Read(long bytes, int bits, int rounds)
    {
        using var loop = new ReadLoop(bytes, bits);
        var times = Interleaved.Measure([() => loop.Run()], rounds)[0];
        return new ReadRate(bytes, bits, bytes / times.Minimum / 1e3, bytes / times.Median / 1e3);
    }

    private static PeakRate Multiply(MultiplyLoop loop, int rounds)
    {
        var times = Interleaved.Measure([() => loop.Run(PeakMacs)], rounds)[0];
        return new PeakRate(loop.Name, loop.Bits, loop.IsInt8, PeakMacs / times.Minimum / 1e3, PeakMacs / times.Median / 1e3);
    }
}

/// <summary>GB/s of reading a block repeatedly.</summary>
internal sealed record ReadRate(long Bytes, int Bits, double Best, double Median);

/// <summary>10⁹ multiplications for each second.</summary>
internal sealed record PeakRate(string Name, int Bits, bool IsInt8, double Best, double Median);

/// <summary>A whole probe.</summary>
internal sealed record ProbeReport(Machine Machine, IReadOnlyList<ReadRate> Reads, IReadOnlyList<PeakRate> Peaks);
