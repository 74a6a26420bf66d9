namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>convert</c> prints: sizes, graphs, quantization, and what the user should know.</summary>
internal sealed record ConvertReport(
    string File,
    long FileBytes,
    long SourceBytes,
    double Ratio,
    IReadOnlyList<ConvertedGraphReport> Graphs,
    QuantizationReport? Quantization)
{
    public static ConvertReport From(string target, ConversionResult conversion, SeqModel model)
    {
        return new ConvertReport(
            target,
            model.FileBytes,
            conversion.SourceBytes,
            (double)model.FileBytes / conversion.SourceBytes,
            [.. conversion.Graphs.Select((g, i) => new ConvertedGraphReport(g.Source, g.SourceNodes, Inspection.Graph(model, i, new Dictionary<string, int>(), nodes: false), g.States, g.Notes))],
            QuantizationReport.From(conversion.Tensors));
    }

    public void Print(TextWriter output)
    {
        output.WriteLine($"{File}: {Text.Bytes(FileBytes)}, {Text.Number(Math.Round(100 * Ratio, 1))}% of {Text.Count(Graphs.Select(g => g.Source).Distinct().Count(), "source")} of {Text.Bytes(SourceBytes)}");
        foreach (var graph in Graphs) graph.Print(output);
        Quantization?.Print(output);
    }
}

/// <summary>One source and the graph it became.</summary>
internal sealed record ConvertedGraphReport(string Source, int SourceNodes, GraphReport Graph, IReadOnlyList<StatePair> Paired, IReadOnlyList<string> Notes)
{
    public void Print(TextWriter output)
    {
        Graph.Print(output);
        output.WriteLine($"  from {Source}, {Text.Count(SourceNodes, "node")}");
        foreach (var note in Notes) output.WriteLine($"  note: {note}");
    }
}

/// <summary>The tensors that were quantized, those with the largest errors by name.</summary>
internal sealed record QuantizationReport(int Tensors, long Bytes, IReadOnlyList<WorstTensor> Worst)
{
    private const int Shown = 3;

    public static QuantizationReport? From(IReadOnlyList<ConvertedTensor> tensors)
    {
        var quantized = tensors.Where(t => t.Error is not null).OrderByDescending(t => t.Error).ToList();
        return quantized.Count == 0
            ? null
            : new QuantizationReport(quantized.Count, quantized.Sum(t => t.Bytes), [.. quantized.Take(Shown).Select(t => new WorstTensor(t.Name, t.Shape, t.Error!.Value))]);
    }

    public void Print(TextWriter output)
    {
        output.WriteLine($"quantized {Text.Count(Tensors, "tensor")}, {Text.Bytes(Bytes)}; largest relative RMS errors:");
        Text.Table(output, "  ", [.. Worst.Select(w => new[] { w.Name, Text.Shape(w.Shape), Text.Percent(w.Error) })]);
    }
}

/// <summary>A tensor with its relative root-mean-square error.</summary>
internal sealed record WorstTensor(string Name, IReadOnlyList<int> Shape, double Error);
