using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>1-D convolution over [N, channels, T]: <c>weight</c> [M, channels / groups, K], <c>bias</c>. <c>causal</c> pads the past only.</summary>
internal sealed record Conv1dLayer : UnaryLayer
{
    public int Stride { get; set; } = 1;

    public int Dilation { get; set; } = 1;

    public int Groups { get; set; } = 1;

    /// <summary>Zeros at each end.</summary>
    public int Padding { get; set; }

    public bool Causal { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var weight = graph.Need("weight", 3);
        var bias = graph.Bias("bias", weight.Shape[0]) is { } given ? graph.Constant(graph.NameOf("bias"), given) : null;
        if (Causal && Padding != 0) throw graph.Fault("a causal convolution pads the past by the reach of its kernel; omit 'padding'");
        long before = Causal ? (weight.Shape[2] - 1L) * Dilation : Padding;
        graph.Op(
            "Conv",
            [graph.Read(Input), graph.Constant(graph.NameOf("weight"), weight), bias],
            Output,
            ("kernel_shape", new long[] { weight.Shape[2] }),
            ("strides", new long[] { Stride }),
            ("dilations", new long[] { Dilation }),
            ("pads", new[] { before, Causal ? 0 : Padding }),
            ("group", (long)Groups));
    }
}

/// <summary>2-D convolution over [N, channels, H, W]: <c>weight</c> [M, channels / groups, KH, KW], <c>bias</c>. Sizes are a number, or one for H and one for W.</summary>
internal sealed record Conv2dLayer : UnaryLayer
{
    public JsonElement? Stride { get; set; }

    public JsonElement? Dilation { get; set; }

    public int Groups { get; set; } = 1;

    /// <summary>Zeros at each end of H and of W.</summary>
    public JsonElement? Padding { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var weight = graph.Need("weight", 4);
        var bias = graph.Bias("bias", weight.Shape[0]) is { } given ? graph.Constant(graph.NameOf("bias"), given) : null;
        var padding = graph.Sizes(Padding, "padding", 2, otherwise: 0);
        graph.Op(
            "Conv",
            [graph.Read(Input), graph.Constant(graph.NameOf("weight"), weight), bias],
            Output,
            ("kernel_shape", new long[] { weight.Shape[2], weight.Shape[3] }),
            ("strides", graph.Sizes(Stride, "stride", 2, otherwise: 1)),
            ("dilations", graph.Sizes(Dilation, "dilation", 2, otherwise: 1)),
            ("pads", (long[])[.. padding, .. padding]),
            ("group", (long)Groups));
    }
}

/// <summary>1-D transposed convolution over [N, channels, T]: <c>weight</c> [channels, M / groups, K] as PyTorch's ConvTranspose1d, <c>bias</c>.</summary>
internal sealed record ConvTranspose1dLayer : UnaryLayer
{
    public int Stride { get; set; } = 1;

    public int Dilation { get; set; } = 1;

    public int Groups { get; set; } = 1;

    /// <summary>Steps removed at each end.</summary>
    public int Padding { get; set; }

    /// <summary>Steps added at the end.</summary>
    public int OutputPadding { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var weight = graph.Need("weight", 3);
        if (Groups < 1) throw graph.Fault($"groups is {Groups}; it must be at least 1");
        var bias = graph.Bias("bias", checked(weight.Shape[1] * Groups)) is { } given ? graph.Constant(graph.NameOf("bias"), given) : null;
        graph.Op(
            "ConvTranspose",
            [graph.Read(Input), graph.Constant(graph.NameOf("weight"), weight), bias],
            Output,
            ("kernel_shape", new long[] { weight.Shape[2] }),
            ("strides", new long[] { Stride }),
            ("dilations", new long[] { Dilation }),
            ("pads", new long[] { Padding, Padding }),
            ("output_padding", new long[] { OutputPadding }),
            ("group", (long)Groups));
    }
}

/// <summary>Pooling over the last axes of [N, channels, T] or [N, channels, H, W]. <c>size</c>, a number or one for H and one for W, decides which.</summary>
internal abstract record PoolLayer : UnaryLayer
{
    /// <summary>The window: a number for T, or [H, W].</summary>
    public required JsonElement Size { get; init; }

    /// <summary>The distance of windows. The size if omitted.</summary>
    public JsonElement? Stride { get; set; }

    /// <summary>Places added at each end.</summary>
    public JsonElement? Padding { get; set; }

    /// <summary>Whether a last window that is not full counts.</summary>
    public bool Ceil { get; set; }

    protected abstract string Operator { get; }

    protected virtual (string, object)[] More => [];

    public override void Emit(GraphComposer graph)
    {
        var size = graph.Integers(Size, "size");
        if (size.Length is 0 or > 2 || Array.Exists(size, s => s < 1)) throw graph.Fault("'size' must be a number of at least 1, or two of them for [N, channels, H, W]");
        var padding = graph.Sizes(Padding, "padding", size.Length, otherwise: 0);
        (string, object)[] attributes =
        [
            ("kernel_shape", size),
            ("strides", Stride is null ? size : graph.Sizes(Stride, "stride", size.Length, otherwise: 1)),
            ("pads", (long[])[.. padding, .. padding]),
            ("ceil_mode", Ceil ? 1L : 0L),
            .. More,
        ];
        graph.Op(Operator, [graph.Read(Input)], Output, attributes);
    }
}

/// <summary>The largest element of each window.</summary>
internal sealed record MaxPoolLayer : PoolLayer
{
    protected override string Operator => "MaxPool";
}

/// <summary>The mean of each window.</summary>
internal sealed record AveragePoolLayer : PoolLayer
{
    /// <summary>Whether places added by <c>padding</c> count as zeros: true as in PyTorch.</summary>
    public bool CountIncludePad { get; set; } = true;

    protected override string Operator => "AveragePool";

    protected override (string, object)[] More => [("count_include_pad", CountIncludePad ? 1L : 0L)];
}
