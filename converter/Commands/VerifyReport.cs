using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>verify</c> prints: whether the file passed and why, the recorded runs, and the errors against the source.</summary>
internal sealed record VerifyReport(string File, string Kernels, bool Passed, IReadOnlyList<string> Faults, GoldenReport? Golden, PromiseReport? Promise, MeasurementReport? Measured, IReadOnlyList<string> Notes)
{
    /// <summary>Most differing outputs of recorded runs that are printed.</summary>
    private const int Shown = 12;

    public static VerifyReport Of(string path, SeqModel model, SeqVerification? golden, SourceComparison? comparison, PromiseReport? promise, List<string> notes)
    {
        List<string> faults = [];
        if (golden is { Passed: false }) faults.Add($"golden pair: {golden}");
        if (comparison is not null) faults.AddRange(FaultsOf(comparison.Measured, promise!));
        return new VerifyReport(path, model.KernelSet, faults.Count == 0, faults, golden is null ? null : GoldenReport.From(golden), promise, comparison is null ? null : MeasurementReport.From(comparison.Measured)! with { Warning = null }, notes);
    }

    public void Print(TextWriter output)
    {
        foreach (var fault in Faults) output.WriteLine($"failed: {fault}");
        if (Passed && Promise is not null) output.WriteLine($"passed: no output differs from the source in fp32 by more than {Measuring.Promise.InWords(Promise.MaxError)} ({Promise.From})");
        if (Golden is { Passed: true }) output.WriteLine($"passed: kernels {Kernels} give the recorded bits in {Text.Count(Golden.Runs, "run")}");
        foreach (var note in Notes) output.WriteLine($"note: {note}");
        if (Golden is { Passed: false })
        {
            Text.Table(output, "  ", [.. Golden.Different.Take(Shown).Select(d => d.Cells())]);
            if (Golden.Different.Count > Shown) output.WriteLine($"  and {Golden.Different.Count - Shown} more: --json lists all");
        }

        Measured?.Print(output);
        if (Measured?.Graphs.Any(g => g is { NotMeasured: null, Given: true }) == true) output.WriteLine("  Figures on your samples hold for inputs like these; they are no limit for others.");
    }

    /// <summary>The outputs past the promise, and the graphs about which nothing is known.</summary>
    private static IEnumerable<string> FaultsOf(Measurement measured, PromiseReport promise)
    {
        var several = measured.Graphs.Count > 1;
        foreach (var graph in measured.Graphs)
        {
            if (graph.NotMeasured is { } why) yield return $"graph '{graph.Graph}' was not measured: {why}";
            foreach (var output in graph.Outputs)
            {
                var place = $"output '{output.Name}'{(several ? $" of graph '{graph.Graph}'" : "")}";
                if (output.NotFinite > 0) yield return $"{place} has {Text.Count(output.NotFinite, "element")} that are infinite or NaN, but not in fp32";
                if (output.RelativeRms is { } rms && !(rms <= promise.MaxError)) yield return $"{place} differs from fp32 by {Text.Percent(rms)} (relative RMS on {(graph.IsGiven ? "your samples" : "generated inputs")}); {promise.InWords}";
                else if (output.RelativeRms is null && output.Difference > promise.MaxError) yield return $"{place} holds other integers than fp32 in {Text.Percent(output.Difference.Value)} of its elements; {promise.InWords}";
            }
        }
    }
}

/// <summary>The error that passes, as a ratio, and where it comes from.</summary>
internal sealed record PromiseReport(double MaxError, string From)
{
    /// <summary>For example: 1% is allowed (--max-error).</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string InWords => $"{Promise.InWords(MaxError)} is allowed ({From})";
}

/// <summary>The recorded runs: how many were compared, and what differs.</summary>
internal sealed record GoldenReport(bool Passed, int Runs, IReadOnlyList<DifferentBits> Different)
{
    public static GoldenReport From(SeqVerification golden) => new(golden.Passed, golden.Runs, [.. golden.Mismatches.Select(m => new DifferentBits(m.GraphName, m.Sizes, m.Run, m.IsState ? "state" : "output", m.Name))]);
}

/// <summary>An output or state of a recorded run whose bits are others.</summary>
internal sealed record DifferentBits(string Graph, IReadOnlyDictionary<string, int> Sizes, int Run, string Kind, string Name)
{
    public string[] Cells() => [Graph, string.Join(", ", Sizes.Select(s => $"{s.Key} = {s.Value}")), $"run {Run}", Kind, Name];
}
