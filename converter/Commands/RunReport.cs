using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Commands;

/// <summary>The document that <c>run</c> prints.</summary>
internal sealed record RunReport(string File, string Graph, string Kernels, int Steps, long SessionBytes, IReadOnlyList<OutputReport> Outputs, TimingReport? Timing, ProfileReport? Profile)
{
    public static RunReport From(string path, SeqModel model, SeqGraphInfo graph, GraphRun run, int steps, int repeat, ProfileReport? profile) => new(
        path,
        graph.Name,
        model.KernelSet,
        steps,
        run.SessionBytes,
        [.. run.Outputs.Select(o => OutputReport.From(o.Key, o.Value))],
        repeat > 1 ? TimingReport.From(run.Microseconds) : null,
        profile);

    public void Print(TextWriter output)
    {
        output.WriteLine($"{File}: graph {Graph}, {Text.Count(Steps, "step")}, kernels {Kernels}, session {Text.Bytes(SessionBytes)}");
        Text.Table(output, "  ", [.. Outputs.Select(o => o.Cells())]);
        if (Timing is { } t)
            output.WriteLine($"  {t.Runs} timed: median {Text.Number(t.MedianMicroseconds)} µs, p99 {Text.Number(t.P99Microseconds)} µs, max {Text.Number(t.MaxMicroseconds)} µs, min {Text.Number(t.MinMicroseconds)} µs");
        Profile?.Print(output);
    }
}

/// <summary>Summary of one output. Minimum, maximum and mean cover its finite elements and are absent if there are none.</summary>
internal sealed record OutputReport(string Name, string Type, IReadOnlyList<int> Shape, double? Min, double? Max, double? Mean, int NotFinite)
{
    public static OutputReport From(string name, NpyArray array)
    {
        var (least, most, sum, finite) = (double.PositiveInfinity, double.NegativeInfinity, 0.0, 0);
        for (var i = 0; i < array.Count; i++)
        {
            var value = array.Value(i);
            if (!double.IsFinite(value)) continue;
            least = Math.Min(least, value);
            most = Math.Max(most, value);
            sum += value;
            finite++;
        }

        return finite == 0
            ? new OutputReport(name, array.Type.Name(), array.Shape, null, null, null, array.Count)
            : new OutputReport(name, array.Type.Name(), array.Shape, least, most, sum / finite, array.Count - finite);
    }

    public string[] Cells() =>
    [
        Name,
        Type,
        Text.Shape(Shape),
        Min is { } min ? $"min {Text.Number(min)}" : Shape.Contains(0) ? "empty" : "no finite element",
        Max is { } max ? $"max {Text.Number(max)}" : "",
        Mean is { } mean ? $"mean {Text.Number(mean)}" : "",
        NotFinite > 0 && Min is not null ? $"{NotFinite} not finite" : "",
    ];
}

/// <summary>Times of single runs in microseconds, over all steps and repetitions.</summary>
internal sealed record TimingReport(int Runs, double MinMicroseconds, double MedianMicroseconds, double P99Microseconds, double MaxMicroseconds, double MeanMicroseconds)
{
    public static TimingReport From(double[] microseconds)
    {
        var sorted = microseconds.Order().ToArray();
        return new TimingReport(sorted.Length, sorted[0], At(0.5), At(0.99), sorted[^1], sorted.Average());

        double At(double quantile) => sorted[(int)Math.Ceiling(quantile * sorted.Length) - 1];
    }
}
