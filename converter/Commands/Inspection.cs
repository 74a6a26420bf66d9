using System.Buffers.Binary;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>Gathers what <c>inspect</c> and <c>convert</c> report about a <c>.seq</c> file.</summary>
internal static class Inspection
{
    public static InspectReport Of(string path, SeqModel model, Dictionary<string, int> sizes, bool tensors, bool nodes)
    {
        foreach (var symbol in sizes.Keys)
        {
            if (!model.Graphs.Any(g => g.Symbols.Contains(symbol))) throw new UsageException($"--size {symbol}: no graph has a symbolic dimension '{symbol}'");
        }

        var shapes = new WeightShapes(model.Loaded);
        var errors = QuantizationErrors.Read(model.Metadata);
        var constants = model.Loaded.Tensors.Select((t, i) => Constant(t, shapes.Of(t), errors(i, t.Name))).ToList();
        return new InspectReport(
            path,
            model.FileBytes,
            FormatVersion(path),
            model.Metadata.Where(m => !QuantizationErrors.IsOne(m.Key)).ToDictionary(),
            [.. model.Loaded.Sections.Select(s => new SectionReport(s.Name, s.Offset, s.Length))],
            [.. model.Graphs.Select((_, i) => Graph(model, i, sizes, nodes))],
            new TensorTotals(constants.Count, constants.Sum(c => c.Bytes), constants.GroupBy(c => c.Format).ToDictionary(g => g.Key, g => g.Sum(c => c.Bytes))),
            tensors ? constants : null,
            model.Tables.ToDictionary(t => t.Key, t => t.Value.Count),
            KernelReport.Current);
    }

    /// <summary>One graph of a loaded model, its outputs' shapes as a session infers them.</summary>
    public static GraphReport Graph(SeqModel model, int index, IReadOnlyDictionary<string, int> sizes, bool nodes)
    {
        var info = model.Graphs[index];
        var loaded = model.Loaded.Graphs[index];
        var session = SessionNeed.Of(model, info, sizes);
        return new GraphReport(
            info.Name,
            [.. info.Inputs.Select(ValueReport.From)],
            session.Fault is null ? OutputShapes.Of(model, info, session.Sizes) : [.. info.Outputs.Select(o => new ValueReport(o.Name, "unknown", null))],
            [.. info.States.Select(ValueReport.From)],
            info.Symbols,
            loaded.Nodes.Length,
            session,
            nodes ? [.. loaded.Nodes.Select(n => Node(loaded, n))] : null);
    }

    /// <summary>The version that a file's header tells.</summary>
    public static string FormatVersion(ReadOnlySpan<byte> header) => $"{BinaryPrimitives.ReadUInt16LittleEndian(header[SeqLayout.MajorAt..])}.{BinaryPrimitives.ReadUInt16LittleEndian(header[SeqLayout.MinorAt..])}";

    private static string FormatVersion(string path)
    {
        using var stream = File.OpenRead(path);
        var header = new byte[SeqLayout.HeaderBytes];
        stream.ReadExactly(header);
        return FormatVersion(header);
    }

    /// <summary>A node's attributes by name.</summary>
    public static Dictionary<string, AttributeReport> Attributes(LoadedNode node) => node.Attributes.Pairs.ToDictionary(a => a.Key.ToString(), a => Value(node.Kind, a.Key, a.Value));

    private static TensorReport Constant(Operators.Tensor tensor, IReadOnlyList<int> shape, double? error) => new(
        tensor.Name,
        WeightKinds.Of(tensor.Format)?.Report ?? $"dense {tensor.Type.Name()}",
        shape,
        tensor.PackedCount,
        tensor.Format == TensorFormat.Dense ? tensor.Bytes : tensor.Capacity,
        error);

    private static NodeReport Node(LoadedGraph graph, LoadedNode node) => new(
        node.Name,
        node.Kind.ToString(),
        [.. node.Inputs.Select(i => i < 0 ? "" : graph.Values[i].Name)],
        [.. node.Outputs.Select(i => i < 0 ? "" : graph.Values[i].Name)],
        Attributes(node));


    /// <summary>An attribute: functions, directions and types by name, all else as numbers.</summary>
    private static AttributeReport Value(OpKind kind, AttributeKey key, object value) => new((kind, key, value) switch
    {
        (OpKind.Unary, AttributeKey.Function, long v) => ((UnaryFunction)v).ToString(),
        (OpKind.Binary, AttributeKey.Function, long v) => ((BinaryFunction)v).ToString(),
        (OpKind.Reduce, AttributeKey.Function, long v) => ((ReduceFunction)v).ToString(),
        (OpKind.Pool, AttributeKey.Function, long v) => ((PoolFunction)v).ToString(),
        (_, AttributeKey.Direction, long v) => ((RecurrentDirection)v).ToString(),
        (_, AttributeKey.To, long v) => ((ElementType)v).Name(),
        _ => value,
    });
}
