using System.Globalization;
using System.Text;
using System.Text.Json;
using SeqRuntime.Converter;

namespace SeqRuntime.Perf;

/// <summary>Prints the paired comparison with ONNX Runtime as a Markdown table of ratios; above 1 ours is faster.</summary>
internal static class Compare
{
    public static int Run(string[] arguments)
    {
        var pairs = 60;
        string? json = null;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--pairs" && i + 1 < arguments.Length) pairs = int.Parse(arguments[++i], CultureInfo.InvariantCulture);
            else if (arguments[i] == "--json" && i + 1 < arguments.Length) json = arguments[++i];
            else return Wrong(arguments[i]);
        }

        Console.WriteLine($"One thread, batch 1, states carried; ONNX Runtime fp32 by RunWithBinding with preallocated values. {pairs} pairs of blocks each.");
        Console.WriteLine();
        Console.WriteLine("| work | model | ONNX Runtime fp32 | ours fp32 | ratio | ours int8 | ratio | managed bytes a step |");
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|");
        var rows = new List<Row>();
        foreach (var work in Cases.All())
        {
            using var theirs = work.Theirs();
            var fp32 = Measure(work, WeightKind.Float32, theirs, pairs);
            var int8 = Measure(work, WeightKind.Int8, theirs, pairs);
            var row = new Row(work.Group, work.Name, fp32.TheirsMicroseconds, fp32.OursMicroseconds, fp32.Ratio, int8.OursMicroseconds, int8.Ratio, Math.Max(fp32.OursBytes, int8.OursBytes));
            rows.Add(row);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {row.Work} | {row.Model} | {row.OrtMicroseconds:F2} µs | {row.Fp32Microseconds:F2} µs | **{row.Fp32Ratio:F2}** | {row.Int8Microseconds:F2} µs | **{row.Int8Ratio:F2}** | {row.ManagedBytes} |"));
        }

        if (Cases.Models() is null) Console.WriteLine("\nThe real models were not found (environment variable SEQRUNTIME_MODELS): whole models are left out.");
        if (json is not null) File.WriteAllText(json, JsonSerializer.Serialize(rows), Encoding.UTF8);
        return 0;
    }

    private static Paired Measure(Case work, WeightKind weights, OrtStream theirs, int pairs)
    {
        using var ours = work.Ours(weights);
        return PairedTimer.Measure(ours.Run, theirs.Step, pairs);
    }

    private static int Wrong(string argument)
    {
        Console.Error.WriteLine($"perf compare: '{argument}' is not understood; options are --pairs N and --json FILE");
        return 2;
    }

    private sealed record Row(string Work, string Model, double OrtMicroseconds, double Fp32Microseconds, double Fp32Ratio, double Int8Microseconds, double Int8Ratio, long ManagedBytes);
}
