using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Format;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Limits;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Commands;

/// <summary>
/// <c>perf products</c>: the two matrix products of one LSTM or GRU step, W·x and R·h, beside their limit. The limit is the longer of reading the
/// same bytes in order and multiplying as many weights from registers, each at the best width of this processor and in the same run.
/// </summary>
internal sealed class ProductsCommand
{
    private static readonly int[] s_units = [64, 128, 256];

    private readonly Option<int> _rounds = new("--rounds") { Description = "Blocks of each measurement.", HelpName = "N", DefaultValueFactory = _ => 60 };

    public Command Build()
    {
        var command = new Command("products", "The matrix products of one LSTM or GRU step beside their limit: reading the same bytes, or multiplying them, whichever takes longer.") { _rounds };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var rounds = Arguments.AtLeast(1, result, _rounds);
        output.WriteLine($"{Machine.Here()}; medians of {rounds} blocks that alternate.");
        output.WriteLine();
        output.WriteLine("| products of one step | KiB | ours, µs | read, µs | multiply, µs | share of the limit |");
        output.WriteLine("|---|---:|---:|---:|---:|---:|");
        foreach (var isInt8 in new[] { false, true })
        {
            foreach (var gates in new[] { 4, 3 })
            {
                foreach (var units in s_units) Measure(output, gates, units, isInt8, rounds);
            }
        }

        return ExitCode.Good;
    }

    private static void Measure(TextWriter output, int gates, int units, bool isInt8, int rounds)
    {
        var panel = gates == 3 && !isInt8 ? WeightLayout.GruPanel : WeightLayout.WidestPanel;
        using var input = new MatrixProduct(1, units, gates * units, isInt8, panel);
        using var recurrence = new MatrixProduct(1, units, gates * units, isInt8, panel, input);
        var bytes = input.Bytes + recurrence.Bytes;
        ReadLoop[] reads = [.. ReadLoop.Widths.Select(bits => new ReadLoop(bytes, bits))];
        MultiplyLoop[] multiplies = [.. MultiplyLoop.All.Where(loop => loop.IsInt8 == isInt8)];
        var macs = 2L * gates * units * units;
        Action ours = isInt8 ? () => { input.Int8(); recurrence.Int8(); } : () => { input.Float32(); recurrence.Float32(); };
        var times = Interleaved.Measure([ours, .. reads.Select(loop => (Action)(() => loop.Run())), .. multiplies.Select(loop => (Action)(() => loop.Run(macs)))], rounds, 0.001);
        foreach (var loop in reads) loop.Dispose();
        var read = times[1..(reads.Length + 1)].MinBy(time => time.Median)!;
        var multiply = times[(reads.Length + 1)..].MinBy(time => time.Median)!;
        var limit = read.Median > multiply.Median ? read : multiply;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {(gates == 4 ? "LSTM" : "GRU")}, {units} units, {(isInt8 ? "int8" : "fp32")} | {bytes / 1024} | {times[0].Median:F3} | {read.Median:F3} | {multiply.Median:F3} | **{times[0].RatioOf(limit):P0}** |"));
    }
}
