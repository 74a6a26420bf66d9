using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>convert</c> prints: sizes, graphs, quantization, errors of outputs, and what the user should know.</summary>
internal sealed record ConvertReport(
    string File,
    long FileBytes,
    long SourceBytes,
    double Ratio,
    IReadOnlyList<ConvertedGraphReport> Graphs,
    QuantizationReport? Quantization,
    IReadOnlyList<UnusedWeight>? Unused,
    CostReport? Beside,
    MeasurementReport? Measured,
    RecordedReport? Golden)
{
    public static ConvertReport From(string target, ConversionResult conversion, SeqModel model)
    {
        return new ConvertReport(
            target,
            model.FileBytes,
            conversion.SourceBytes,
            (double)model.FileBytes / conversion.SourceBytes,
            [.. conversion.Graphs.Select((g, i) => new ConvertedGraphReport(g.Source, g.SourceNodes, Inspection.Graph(model, i, new Dictionary<string, int>(), nodes: false), [.. g.States.Select(StateReport.From)], [.. g.Sizes.Select(SizeReport.From)], g.Notes))],
            QuantizationReport.From(conversion.Tensors, conversion.WeightNotes),
            conversion.Unused.Count > 0 ? conversion.Unused : null,
            CostReport.From(conversion.Tensors),
            MeasurementReport.From(conversion.Measured),
            RecordedReport.From(conversion.Golden));
    }

    public void Print(TextWriter output)
    {
        if (Measured?.Warning is { } warning) output.WriteLine($"warning: {warning}");
        output.WriteLine($"{File}: {Text.Bytes(FileBytes)}, {Text.Number(Math.Round(100 * Ratio, 1))}% of {Text.Count(Graphs.Select(g => g.Source).Distinct().Count(), "source")} of {Text.Bytes(SourceBytes)}");
        foreach (var graph in Graphs) graph.Print(output);
        Beside?.Print(output);
        Quantization?.Print(output);
        Measured?.Print(output);
        Golden?.Print(output, File);
    }
}

/// <summary>One source and the graph it became.</summary>
internal sealed record ConvertedGraphReport(string Source, int SourceNodes, GraphReport Graph, IReadOnlyList<StateReport> Paired, IReadOnlyList<SizeReport> Sizes, IReadOnlyList<string> Notes)
{
    public void Print(TextWriter output)
    {
        Graph.Print(output);
        output.WriteLine($"  from {Source}, {Text.Count(SourceNodes, "node")}");
        foreach (var size in Sizes) output.WriteLine($"  sizes of {size.Symbol}: {size.Fits}");
        foreach (var note in Notes) output.WriteLine($"  note: {note}");
    }
}

/// <summary>A state: its input and output in the source, its shape, and why they are a state.</summary>
internal sealed record StateReport(string Input, string Output, IReadOnlyList<DimensionReport> Shape, string Reason)
{
    public static StateReport From(StatePair pair) => new(pair.Input, pair.Output, [.. pair.Shape.Select(DimensionReport.From)], pair.Reason);
}

/// <summary>The sizes that a symbolic dimension allows: in words; as minimum, maximum and step; as single sizes; or as the dimensions it must equal.</summary>
internal sealed record SizeReport(string Symbol, string Fits, int? Least, int? Most, int? Step, IReadOnlyList<int>? Only, IReadOnlyList<string>? With)
{
    public static SizeReport From(SizeRange range) => range is { Only: null, With: null }
        ? new SizeReport(range.Symbol, range.ToString(), range.Least, range.Most, range.Step, null, null)
        : new SizeReport(range.Symbol, range.ToString(), null, null, null, range.With is null ? range.Only : null, range.With);
}

/// <summary>The weight matrices that are not stored as float32: how many in each storage, and the error of each, largest first.</summary>
internal sealed record QuantizationReport(int Tensors, long Bytes, IReadOnlyList<StorageReport> Storage, IReadOnlyList<StoredTensor> Worst, IReadOnlyList<FinerTensor> Finer, IReadOnlyList<string> Notes)
{
    private const int Shown = 24;

    public static QuantizationReport? From(IReadOnlyList<ConvertedTensor> tensors, IReadOnlyList<string> notes)
    {
        var weights = tensors.Where(t => t.Weights is not null).ToList();
        var stored = weights.Where(t => t.Error is not null).OrderByDescending(t => t.Error).ToList();
        var finer = tensors.Where(t => t.Finer is not null).ToList();
        return stored.Count == 0 && finer.Count == 0 && notes.Count == 0
            ? null
            : new QuantizationReport(
                stored.Count,
                stored.Sum(t => t.Bytes),
                [.. weights.GroupBy(t => t.Weights!.Value).OrderByDescending(g => g.Sum(t => t.Bytes)).Select(g => new StorageReport(g.Key.Name(), g.Count(), g.Sum(t => t.Bytes)))],
                [.. stored.Select(t => new StoredTensor(t.Name, t.Shape, t.Weights!.Value.Name(), t.Bytes, t.Error!.Value))],
                [.. finer.Select(t => new FinerTensor(t.Name, t.Shape, (t.Weights ?? WeightKind.Float32).Name(), t.Bytes, t.Finer!))],
                notes);
    }

    public void Print(TextWriter output)
    {
        if (Tensors > 0) output.WriteLine($"quantized {Text.Count(Tensors, "tensor")}, {Text.Bytes(Bytes)}; of all weights {string.Join(", ", Storage.Select(s => $"{s.Storage} {Text.Bytes(s.Bytes)} in {s.Tensors}"))}; largest relative RMS errors:");
        Text.Table(output, "  ", [.. Worst.Take(Shown).Select(w => new[] { w.Name, Text.Shape(w.Shape), w.Storage, Text.Percent(w.Error), Text.Bytes(w.Bytes) })]);
        if (Worst.Count > Shown) output.WriteLine($"  and {Worst.Count - Shown} more: seqconvert inspect --tensors");
        if (Finer.Count > 0) output.WriteLine("stored finer than asked for (overrule one with --weights-of 'NAME=KIND', all with --weights-of '*=KIND'):");
        Text.Table(output, "  ", [.. Finer.Take(Shown).Select(f => new[] { f.Name, Text.Shape(f.Shape), f.Storage, Text.Bytes(f.Bytes), f.Why })]);
        if (Finer.Count > Shown) output.WriteLine($"  and {Finer.Count - Shown} more: --json lists all");
        foreach (var note in Notes) output.WriteLine($"note: {note}");
    }
}

/// <summary>Weight matrices in one storage, such as int8.</summary>
internal sealed record StorageReport(string Storage, int Tensors, long Bytes);

/// <summary>A weight matrix with its storage, size and relative root-mean-square error.</summary>
internal sealed record StoredTensor(string Name, IReadOnlyList<int> Shape, string Storage, long Bytes, double Error);

/// <summary>A weight matrix stored finer than asked for, and why; <c>--weights-of NAME=KIND</c> overrules it.</summary>
internal sealed record FinerTensor(string Name, IReadOnlyList<int> Shape, string Storage, long Bytes, string Why);

/// <summary>The recorded runs of a model, and the graphs that have none.</summary>
internal sealed record RecordedReport(int Runs, IReadOnlyList<string> Missing)
{
    public static RecordedReport? From(GoldenPairs? golden) => golden is null ? null : new RecordedReport(golden.Runs, [.. golden.Missing.Select(m => $"graph {m.Graph} has no recorded runs: {m.Why}")]);

    public void Print(TextWriter output, string file)
    {
        output.WriteLine($"golden pair: {Text.Count(Runs, "recorded run")}; does a machine compute the same bits? seqconvert verify {file}, or SeqModel.Verify()");
        foreach (var missing in Missing) output.WriteLine($"  note: {missing}");
    }
}
