using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers with a matrix over the last axis or any axes, lookups in a table, and masks of steps.</summary>
internal sealed class KerasDense(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("Dense", KerasEmitter.Map(Dense)),
        ("EinsumDense", emitter.Unmasked(Einsum)),
        ("Embedding", KerasEmitter.One(Embedding)),
        ("Masking", KerasEmitter.One(Masking)),
        // Keras 2 drops its mask.
        ("Identity", emitter.Version.Major >= 3 ? KerasEmitter.Map((_, x) => x.Name) : emitter.Unmasked((_, x) => x with { Mask = null })),
    ];

    private string Dense(KerasLayer layer, KerasValue x)
    {
        var kernel = emitter.Need(layer, "kernel", 2);
        layer.Expect("units", kernel.Shape[1]);
        return emitter.Functions.Apply(layer, emitter.Affine(layer, x.Name, kernel, emitter.Bias(layer, kernel.Shape[1])), x.Rank);
    }

    /// <summary>The products of the input and a kernel of any shape, as an equation says, and a bias over the axes that it names.</summary>
    private KerasValue Einsum(KerasLayer layer, KerasValue x)
    {
        var equation = layer.String("equation") ?? throw layer.Fault("it has no equation");
        var kernel = emitter.Weights.Find(layer, layer.Part, "kernel") ?? throw layer.Fault("the file has no weight 'kernel' for it");
        var y = KerasArithmetic.Einsum(emitter, layer, equation, [(x.Name, x.Rank), (emitter.Constant(layer, "kernel", kernel), kernel.Shape.Length)]);
        if (layer.String("bias_axes") is { Length: > 0 })
        {
            var bias = emitter.Weights.Find(layer, layer.Part, "bias") ?? throw layer.Fault("it has bias_axes, but the file has no bias for it");
            if (bias.Shape.Length > y.Rank) throw layer.Fault($"its bias has {bias.Shape.Length} dimensions, more than its output");
            y = y with { Name = Graph.OpInShape(0, "Add", y.Name, emitter.Constant(layer, "bias", bias)) };
        }

        return y with { Name = emitter.Functions.Apply(layer, y.Name, y.Rank) };
    }

    private KerasValue Embedding(KerasLayer layer, KerasValue x)
    {
        var table = emitter.Need(layer, "embeddings", 2);
        layer.Expect("input_dim", table.Shape[0]);
        layer.Expect("output_dim", table.Shape[1]);
        var value = Graph.Op("Gather", [emitter.Constant(layer, "embeddings", table), Graph.Op("Cast", [x.Name], ("to", 7L))], ("axis", 0L));
        return new KerasValue(value, x.Rank + 1, layer.Flag("mask_zero") ? emitter.ToBool(x.Name) : null);
    }

    /// <summary>A step counts if any of its features differs from the mask value. Masked steps become zero.</summary>
    private KerasValue Masking(KerasLayer layer, KerasValue x)
    {
        var differs = emitter.ToFloat(Graph.Op("Not", [Graph.Op("Equal", [x.Name, emitter.Scalar(layer.Float("mask_value", 0))])]));
        var any = Graph.Op("ReduceMax", [differs, Graph.Axes(-1)], ("keepdims", 1L));
        return x with { Name = Graph.Op("Mul", [x.Name, any]), Mask = emitter.ToBool(Graph.Squeeze(any, -1)) };
    }
}
