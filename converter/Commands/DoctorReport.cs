using System.Globalization;
using SeqRuntime.Converter.Diagnosing;
using SeqRuntime.Converter.Importers;

namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>doctor</c> prints: what is in the files, whether they convert, and the command.</summary>
internal sealed record DoctorReport(
    bool Converts,
    IReadOnlyList<DoctorSource> Sources,
    IReadOnlyList<DoctorGraph> Graphs,
    IReadOnlyList<DoctorPrecision> Precisions,
    IReadOnlyList<DoctorNeed> Needs,
    IReadOnlyList<string> Notes,
    string? Refusal,
    string? Command)
{
    public void Print(TextWriter output)
    {
        var verdict = !Converts ? "cannot be converted" : Needs.Count > 0 ? $"converts with {string.Join(' ', Needs.Select(n => n.Options))}" : "converts";
        foreach (var source in Sources) source.Print(output, verdict);
        foreach (var graph in Graphs) graph.Print(output);
        if (Precisions.Count > 0) Text.Table(output, "", [["weights", "file", .. Graphs.Select(g => Graphs.Count == 1 ? "read in a run" : $"{g.Name}: read in a run"), "largest error"], .. Precisions.Select(p => p.Cells())]);
        foreach (var note in Notes) output.WriteLine($"note: {note}");
        foreach (var need in Needs) output.WriteLine($"needs {need.Options}: {need.Why}");
        if (Refusal is not null) output.WriteLine($"cannot be converted{(Needs.Count > 0 ? ", even so" : "")}: {Refusal}");
        if (Command is null) return;
        output.WriteLine(Converts ? "convert it:" : "write a description of its layers, and convert that:");
        output.WriteLine($"  {Command}");
    }
}

/// <summary>A file: its kind, what it says about itself, its operators or layers, and its weights. Values are those of the file, and only told if it does not convert.</summary>
internal sealed record DoctorSource(string File, string Kind, long Bytes, IReadOnlyList<SourceFact> Facts, string PartsName, IReadOnlyList<OperatorUse> Operators, SourceWeights? Weights, IReadOnlyList<DoctorValue> Values)
{
    private const int Shown = 16;

    public void Print(TextWriter output, string verdict)
    {
        output.WriteLine($"{File}: {Kind}, {Text.Bytes(Bytes)}: {verdict}");
        var rows = Facts.Select(f => new[] { f.Name, f.Value }).ToList();
        Add(rows, PartsName, OperatorUse.Supported, OperatorUse.NotChecked);
        Add(rows, "folded or unused", OperatorUse.Folded);
        foreach (var use in Operators.Where(o => o.Status is OperatorUse.NotNeeded or OperatorUse.NotSupported)) rows.Add([use.Status == OperatorUse.NotNeeded ? "left out" : use.Status, $"{use.Name} {use.Count}: {use.Why}"]);
        if (Weights is { Tensors: > 0 } weights) rows.Add(["parameters", $"{weights.Numbers.ToString("N0", CultureInfo.InvariantCulture)} in {Text.Count(weights.Tensors, "tensor")}{(weights.Bytes is { } bytes ? $", {Text.Bytes(bytes)}" : "")}"]);
        rows.AddRange(Values.Select(v => new[] { v.Role, $"{v.Name} {v.Type} {Text.Shape(v.Shape)}" }));
        Text.Table(output, "  ", rows);
    }

    private void Add(List<string[]> rows, string title, params string[] statuses)
    {
        var some = Operators.Where(o => statuses.Contains(o.Status)).ToList();
        if (some.Count > 0) rows.Add([title, string.Join(", ", some.Take(Shown).Select(o => $"{o.Name} {o.Count}")) + (some.Count > Shown ? $" and {some.Count - Shown} more kinds" : "")]);
    }
}

/// <summary>An input or output as the file declares it.</summary>
internal sealed record DoctorValue(string Role, string Name, string Type, IReadOnlyList<DimensionReport> Shape);

/// <summary>A converted graph: what it reads, keeps and gives, which dimension is what, what it runs as, and the work of a run.</summary>
internal sealed record DoctorGraph(string Name, GraphReport Graph, IReadOnlyList<StateReport> Paired, IReadOnlyList<DimensionBelief> Dimensions, IReadOnlyList<SizeReport> Sizes, IReadOnlyDictionary<string, int> RunsAs, long? MultiplyAccumulates, IReadOnlyList<string> Notes)
{
    public void Print(TextWriter output)
    {
        output.WriteLine($"graph {Name}: {Graph.Session}");
        Text.Table(output, "  ", [.. Graph.Inputs.Select(v => Row("input", v)), .. Graph.Outputs.Select(v => Row("output", v)), .. Graph.States.Select(v => Row("state", v))]);
        Text.Table(output, "  ", [.. Dimensions.Select(b => new[] { b.Role, b.Dimension, b.Why })]);
        foreach (var size in Sizes) output.WriteLine($"  sizes of {size.Symbol}: {size.Fits}");
        output.WriteLine($"  runs as: {string.Join(", ", RunsAs.Select(r => $"{r.Key} {r.Value}"))}");
        if (MultiplyAccumulates is { } count) output.WriteLine($"  a run: {count.ToString("N0", CultureInfo.InvariantCulture)} multiply-accumulates{(Graph.Session.Sizes.Count == 0 ? "" : $" at {string.Join(", ", Graph.Session.Sizes.Select(s => $"{s.Key} = {s.Value}"))}")}");
        foreach (var note in Notes.Where(n => !Paired.Any(p => n.StartsWith($"state '{p.Input}' ", StringComparison.Ordinal)))) output.WriteLine($"  note: {note}");
    }

    private string[] Row(string role, ValueReport value)
    {
        var pair = role == "state" ? Paired.FirstOrDefault(p => p.Input == value.Name) : null;
        return [.. value.Cells(role), pair is null ? "" : $"filled from '{pair.Output}': {pair.Reason}"];
    }
}

/// <summary>The size of the file, without the notes on measured outputs, and the bytes of weights that a run of each graph reads, with weights in one storage. With a fault, that storage is refused.</summary>
internal sealed record DoctorPrecision(string Weights, long? FileBytes, IReadOnlyDictionary<string, long> BytesRead, double? LargestError, string? Fault)
{
    public string[] Cells() => Fault is not null
        ? [Weights, "refused", .. BytesRead.Select(_ => ""), Fault]
        : [Weights, Text.Bytes(FileBytes!.Value), .. BytesRead.Values.Select(Text.Bytes), LargestError is { } error ? Text.Percent(error) : "none"];
}

/// <summary>Options to add, and the refusal without them.</summary>
internal sealed record DoctorNeed(string Options, string Why);
