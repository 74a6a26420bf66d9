using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Elements along an axis by their indices. Negative indices count from the end.</summary>
/// <remarks>
/// <c>indices</c> [K] take the same places of each sequence: [N, T, F] along axis 1 becomes [N, K, F], and a scalar removes the axis. With <c>each</c>,
/// <c>indices</c> [N] has a place for each sequence of [N, T, F], which gives [N, F]: the last step by lengths, for example.
/// </remarks>
internal sealed record GatherLayer : UnaryLayer
{
    /// <summary>The value with the indices, int32 or int64.</summary>
    public required string Indices { get; init; }

    public int Axis { get; set; } = 1;

    public bool Each { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var (x, indices) = (graph.Read(Input), graph.Read(Indices));
        if (!Each)
        {
            graph.Op("Gather", [x, indices], Output, ("axis", (long)Axis));
            return;
        }

        if (Axis != 1) throw graph.Fault($"axis is {Axis}; an index for each sequence is along axis 1");
        graph.Op("GatherND", [x, graph.Unsqueeze(indices, 1)], Output, ("batch_dims", 1L));
    }
}

/// <summary>The elements along an axis in reverse order. With <c>lengths</c> [N], the first so many steps of each sequence [N, T, …] are reversed and the rest stays.</summary>
internal sealed record ReverseLayer : UnaryLayer
{
    public int Axis { get; set; } = 1;

    public string? Lengths { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var x = graph.Read(Input);
        if (Lengths is null)
        {
            graph.Reversed(x, Output, [Axis]);
            return;
        }

        if (Axis != 1) throw graph.Fault($"axis is {Axis}; with lengths it must be 1, the steps of [N, T, …]");
        graph.Op("ReverseSequence", [x, graph.Op("Cast", [graph.Read(Lengths)], ("to", 7L))], Output, ("batch_axis", 0L), ("time_axis", 1L));
    }
}

/// <summary>A value that does not change: the tensor <c>value</c> of the file, or the numbers of the document.</summary>
internal sealed record ConstantLayer : LayerDescription
{
    /// <summary>A number, or nested lists of numbers. If omitted, the tensor <c>value</c> of the weight file.</summary>
    public JsonElement? Value { get; set; }

    public override void Emit(GraphComposer graph)
    {
        if (Value is { } given)
        {
            if (Weights is not null) throw graph.Fault("it has 'value' and 'weights'; give one of them");
            graph.Op("Identity", [graph.Constant(Output, Numbers(graph, given))], Output);
            return;
        }

        var tensor = graph.Optional("value") ?? (Weights is { Length: > 0 } name ? graph.Tensor(name) : throw graph.Fault("it has no value; give numbers in 'value', or the name of a tensor in 'weights'"));
        graph.Op("Identity", [graph.Constant(Weights ?? graph.NameOf("value"), tensor)], Output);
    }

    private static IrTensor Numbers(GraphComposer graph, JsonElement given)
    {
        List<int> shape = [];
        List<float> values = [];
        Read(given, 0);
        return IrTensor.Of<float>([.. shape], [.. values]);

        void Read(JsonElement element, int depth)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                var count = element.GetArrayLength();
                if (depth == shape.Count && values.Count == 0) shape.Add(count);
                if (count == 0 || depth >= shape.Count || shape[depth] != count) throw graph.Fault("the lists of 'value' must be of equal length, and none empty");
                foreach (var inner in element.EnumerateArray()) Read(inner, depth + 1);
                return;
            }

            if (element.ValueKind != JsonValueKind.Number || !element.TryGetSingle(out var number) || !float.IsFinite(number)) throw graph.Fault($"'value' has {Json.Shown(element)}; it must be numbers");
            if (depth != shape.Count) throw graph.Fault("the lists of 'value' must be of equal length, and none empty");
            values.Add(number);
        }
    }
}

/// <summary>A value repeated along a new axis: [N, F] with axis 1 and T times becomes [N, T, F]. The count is a number, or the steps of another value.</summary>
internal sealed record RepeatLayer : UnaryLayer
{
    /// <summary>The new axis.</summary>
    public int Axis { get; set; } = 1;

    public int? Times { get; set; }

    /// <summary>The value [N, T, …] whose steps are the count.</summary>
    public string? Like { get; set; }

    public override void Emit(GraphComposer graph)
    {
        if (Times is null == Like is null) throw graph.Fault("give either 'times' or 'like'");
        if (Times is < 1) throw graph.Fault($"times is {Times}; it must be at least 1");
        var wide = graph.Unsqueeze(graph.Read(Input), Axis);
        var count = Like is null ? graph.Number(Times!.Value) : graph.Size(graph.Read(Like), 1);
        graph.Op("Expand", [wide, graph.OnlyAlong(wide, Axis, count)], Output);
    }
}

/// <summary>Indices as rows with a 1 at the index: int [N, T] becomes [N, T, size].</summary>
internal sealed record OneHotLayer : UnaryLayer
{
    public required int Size { get; init; }

    public override void Emit(GraphComposer graph)
    {
        if (Size < 1) throw graph.Fault($"size is {Size}; it must be at least 1");
        graph.Op("OneHot", [graph.Read(Input), graph.Number(Size), graph.Constant("on", IrTensor.Of<float>([2], 0f, 1f))], Output, ("axis", -1L));
    }
}
