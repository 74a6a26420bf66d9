using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Looks up rows of <c>weight</c> [tokens, features] by index.</summary>
internal sealed record EmbeddingLayer : UnaryLayer
{
    public override void Emit(GraphComposer graph) =>
        graph.Op("Gather", [graph.Constant(graph.NameOf("weight"), graph.Need("weight", 2)), graph.Read(Input)], Output, ("axis", 0L));
}

/// <summary>y = x · Wᵀ + b over the last axis: <c>weight</c> [outputs, inputs], optional <c>bias</c> [outputs].</summary>
internal sealed record LinearLayer : UnaryLayer
{
    public override void Emit(GraphComposer graph)
    {
        var weight = graph.Need("weight", 2);
        var product = graph.Product(graph.Read(Input), weight, graph.NameOf("weight"));
        if (graph.Bias("bias", weight.Shape[0]) is { } bias) graph.Op("Add", [product, graph.Constant(graph.NameOf("bias"), bias)], Output);
        else graph.Op("Identity", [product], Output);
    }
}

/// <summary>Layer normalization over the last axis: <c>weight</c>, <c>bias</c>. Ba et al. 2016, arXiv:1607.06450.</summary>
internal sealed record LayerNormLayer : UnaryLayer
{
    public float Epsilon { get; set; } = 1e-5f;

    public override void Emit(GraphComposer graph)
    {
        if (!(Epsilon >= 0)) throw graph.Fault($"epsilon is {Epsilon.ToString(System.Globalization.CultureInfo.InvariantCulture)}; it must be at least 0");
        var bias = graph.Optional("bias") is { } given ? graph.Constant(graph.NameOf("bias"), given) : null;
        graph.Op("LayerNormalization", [graph.Read(Input), graph.Constant(graph.NameOf("weight"), graph.Need("weight", 1)), bias], Output, ("axis", -1L), ("epsilon", Epsilon));
    }
}

/// <summary>Batch normalization with fixed statistics over axis 1, or over the last axis with <c>channels_last</c>: <c>weight</c>, <c>bias</c>, <c>running_mean</c>, <c>running_var</c>.</summary>
internal sealed record BatchNormLayer : UnaryLayer
{
    public float Epsilon { get; set; } = 1e-5f;

    public bool ChannelsLast { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var (mean, variance) = (graph.Need("running_mean", 1), graph.Need("running_var", 1));
        if (NonFinite.NoVariance(graph.NameOf("running_var"), variance, Epsilon) is { } fault) throw graph.Fault(fault);
        var normal = Emit(graph, graph.Read(Input), graph.NameOf("weight"), mean, variance, graph.Optional("weight"), graph.Optional("bias"), Epsilon, ChannelsLast)
            ?? throw graph.Fault("the tensors of a batch normalization differ in length");
        graph.Op("Identity", [normal], Output);
    }

    /// <summary>The nodes over the last axis, or over axis 1 for any rank. Null if the tensors do not fit.</summary>
    public static string? Emit(GraphComposer graph, string x, string name, IrTensor mean, IrTensor variance, IrTensor? gamma, IrTensor? beta, float epsilon, bool isLastAxis)
    {
        if (Fold(mean, variance, gamma, beta, epsilon) is not var (scale, shift)) return null;
        string Row(string stem, float[] values) => graph.Constant(stem, IrTensor.Of<float>([values.Length], values));
        var (scaling, shifting) = (Row(name, scale), Row(name + "/shift", shift));
        if (isLastAxis)
        {
            // The weights' channels must be the value's channels; they must not broadcast to more.
            return graph.OpInShape(0, "Add", graph.OpInShape(0, "Mul", x, scaling), shifting);
        }

        // Scale and shift contain the statistics, so the mean is 0 and the variance 1.
        float[] ones = [.. Enumerable.Repeat(1f, scale.Length)];
        return graph.Op("BatchNormalization", [x, scaling, shifting, Row(name + "/mean", new float[scale.Length]), Row(name + "/variance", ones)], ("epsilon", 0f));
    }

    /// <summary>γ (x - μ) / √(σ² + ε) + β as scale · x + shift. Null if the tensors differ in length. A missing γ is 1, a missing β is 0.</summary>
    private static (float[] Scale, float[] Shift)? Fold(IrTensor mean, IrTensor variance, IrTensor? gamma, IrTensor? beta, float epsilon)
    {
        var scale = gamma?.ToFloats() ?? [.. Enumerable.Repeat(1f, mean.Count)];
        var shift = beta?.ToFloats() ?? new float[mean.Count];
        if (variance.Count != mean.Count || scale.Length != mean.Count || shift.Length != mean.Count) return null;
        for (var i = 0; i < scale.Length; i++)
        {
            var factor = scale[i] / Math.Sqrt(variance.Floats[i] + (double)epsilon);
            scale[i] = (float)factor;
            shift[i] = (float)(shift[i] - mean.Floats[i] * factor);
        }

        return (scale, shift);
    }
}

/// <summary>Concatenates values along an axis, by default the last.</summary>
internal sealed record ConcatLayer : ManyLayer
{
    public int Axis { get; set; } = -1;

    public override void Emit(GraphComposer graph) => graph.Op("Concat", [.. Inputs.Select(graph.Read)], Output, ("axis", (long)Axis));
}

/// <summary>Elements from <c>start</c> to before <c>end</c> along an axis. Negative numbers count from the end. <c>drop</c> removes the axis if one element remains.</summary>
internal sealed record SliceLayer : UnaryLayer
{
    public int Axis { get; set; } = -1;

    public int Start { get; set; }

    public int? End { get; set; }

    public bool Drop { get; set; }

    public override void Emit(GraphComposer graph)
    {
        // If both count from the same end, they show whether anything remains.
        if (End is { } end && Start < 0 == end < 0 && end <= Start) throw graph.Fault($"a slice from {Start} to {end} selects nothing");
        string?[] inputs = [graph.Read(Input), graph.Axes(Start), graph.Axes(End ?? int.MaxValue), graph.Axes(Axis)];
        if (Drop) graph.Op("Squeeze", [graph.Op("Slice", inputs), graph.Axes(Axis)], Output);
        else graph.Op("Slice", inputs, Output);
    }
}

/// <summary>Another shape for the same elements: 0 keeps a size, -1 takes the rest.</summary>
internal sealed record ReshapeLayer : UnaryLayer
{
    public required long[] Shape { get; init; }

    public override void Emit(GraphComposer graph) => graph.Op("Reshape", [graph.Read(Input), graph.Axes(Shape)], Output);
}

/// <summary>Axes in another order.</summary>
internal sealed record TransposeLayer : UnaryLayer
{
    public required long[] Order { get; init; }

    public override void Emit(GraphComposer graph) => graph.Op("Transpose", [graph.Read(Input)], Output, ("perm", Order));
}

/// <summary>0, 1, … as int64 [1, T], one for each step of <c>like</c> [N, T, …]: the indices of an embedding of positions.</summary>
internal sealed record PositionsLayer : LayerDescription
{
    /// <summary>The value whose steps are counted.</summary>
    public required string Like { get; init; }

    public override void Emit(GraphComposer graph) => graph.Op("Unsqueeze", [graph.Places(graph.Read(Like), 1), graph.Axes(0)], Output);
}

/// <summary>Has no effect when a model runs.</summary>
internal sealed record DropoutLayer : UnaryLayer
{
    /// <summary>The dropout rate. It has no effect and may stay as documentation.</summary>
    public JsonElement? P { get; set; }

    public override void Emit(GraphComposer graph) => graph.Op("Identity", [graph.Read(Input)], Output);
}
