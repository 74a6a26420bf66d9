namespace SeqRuntime.Converter.Commands;

/// <summary>The document that <c>inspect</c> prints.</summary>
internal sealed record InspectReport(
    string File,
    long FileBytes,
    string FormatVersion,
    IReadOnlyDictionary<string, string> Metadata,
    IReadOnlyList<SectionReport> Sections,
    IReadOnlyList<GraphReport> Graphs,
    TensorTotals TensorTotals,
    IReadOnlyList<TensorReport>? Tensors,
    IReadOnlyDictionary<string, int> Tables,
    KernelReport Kernels)
{
    public void Print(TextWriter output)
    {
        output.WriteLine($"{File}: {Text.Bytes(FileBytes)}, format {FormatVersion}");
        Text.Table(output, "  ", [.. Metadata.Select(m => new[] { m.Key, OneLine(m.Value) })]);
        output.WriteLine("sections");
        Text.Table(output, "  ", [.. Sections.Select(s => new[] { s.Name, $"at {s.Offset}", Text.Bytes(s.Bytes) })]);
        foreach (var graph in Graphs) graph.Print(output);
        output.WriteLine($"{Text.Count(TensorTotals.Count, "tensor")}, {Text.Bytes(TensorTotals.Bytes)}: {string.Join(", ", TensorTotals.BytesByFormat.Select(f => $"{f.Key} {Text.Bytes(f.Value)}"))}");
        if (Tensors is not null) Text.Table(output, "  ", [.. Tensors.Select(t => t.Cells())]);
        foreach (var (name, count) in Tables) output.WriteLine($"table {name}: {count} entries");
        output.WriteLine($"kernels {Kernels}");
    }

    private static string OneLine(string value)
    {
        const int widest = 100;
        var line = value.ReplaceLineEndings(" ");
        return line.Length <= widest ? line : line[..widest] + " …";
    }
}

/// <summary>One section of the file.</summary>
internal sealed record SectionReport(string Name, long Offset, long Bytes);

/// <summary>A graph's inputs, outputs and states, its size, and the memory of its session.</summary>
internal sealed record GraphReport(
    string Name,
    IReadOnlyList<ValueReport> Inputs,
    IReadOnlyList<ValueReport> Outputs,
    IReadOnlyList<ValueReport> States,
    IReadOnlyList<string> Symbols,
    int NodeCount,
    SessionNeed Session,
    IReadOnlyList<NodeReport>? Nodes)
{
    public void Print(TextWriter output)
    {
        var symbols = Symbols.Count == 0 ? "" : $", symbols {string.Join(", ", Symbols)}";
        output.WriteLine($"graph {Name}: {Text.Count(NodeCount, "node")}{symbols}, {Session}");
        Text.Table(output, "  ", [.. Inputs.Select(v => v.Cells("input")), .. Outputs.Select(v => v.Cells("output")), .. States.Select(v => v.Cells("state"))]);
        if (Nodes is null) return;
        output.WriteLine("  nodes:");
        Text.Table(output, "    ", [.. Nodes.Select(n => n.Cells())]);
    }
}

/// <summary>A value that the caller sets or reads. Its shape is unknown if no session can be planned.</summary>
internal sealed record ValueReport(string Name, string Type, IReadOnlyList<DimensionReport>? Shape)
{
    /// <summary>An input or a state, whose type and dimensions the file declares.</summary>
    public static ValueReport From(SeqPortInfo info) => new(info.Name, info.Type!.Value.Name(), [.. info.Dimensions!.Select(d => d.Symbol is { } symbol ? new DimensionReport(symbol) : new DimensionReport(d.Size!.Value))]);

    public string[] Cells(string kind) => [kind, Name, Type, Shape is null ? "" : Text.Shape(Shape)];
}

/// <summary>One node. An omitted input has an empty name.</summary>
internal sealed record NodeReport(string Name, string Operator, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, AttributeReport> Attributes)
{
    public string[] Cells() =>
    [
        Operator,
        Name,
        $"({string.Join(", ", Inputs)}) -> ({string.Join(", ", Outputs)}) {string.Join(" ", Attributes.Select(a => $"{a.Key}={a.Value}"))}",
    ];
}

/// <summary>Totals over all constants, by storage format.</summary>
internal sealed record TensorTotals(int Count, long Bytes, IReadOnlyDictionary<string, long> BytesByFormat);

/// <summary>One constant. The quantization error is the relative root-mean-square error that the conversion measured.</summary>
internal sealed record TensorReport(string Name, string Format, IReadOnlyList<int> Shape, int Matrices, long Bytes, double? QuantizationError)
{
    public string[] Cells() =>
    [
        Name,
        Format,
        Text.Shape(Shape),
        Text.Bytes(Bytes),
        QuantizationError is { } error ? $"error {Text.Percent(error)}" : "",
    ];
}
