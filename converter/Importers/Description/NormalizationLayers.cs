using System.Globalization;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Root mean square normalization over the last axis, w · x / √(mean x² + ε): <c>weight</c>. Zhang and Sennrich 2019, arXiv:1910.07467.</summary>
internal sealed record RmsNormLayer : UnaryLayer
{
    public float Epsilon { get; set; } = 1e-6f;

    public override void Emit(GraphComposer graph)
    {
        if (!(Epsilon >= 0)) throw graph.Fault($"epsilon is {Epsilon.ToString(CultureInfo.InvariantCulture)}; it must be at least 0");
        graph.Op("RMSNormalization", [graph.Read(Input), graph.Constant(graph.NameOf("weight"), graph.Need("weight", 1))], Output, ("axis", -1L), ("epsilon", Epsilon));
    }
}

/// <summary>Normalization over groups of channels and all places of [N, C, …]: <c>weight</c>, <c>bias</c> [C]. Wu and He 2018, arXiv:1803.08494.</summary>
internal sealed record GroupNormLayer : UnaryLayer
{
    public required int Groups { get; init; }

    public float Epsilon { get; set; } = 1e-5f;

    public override void Emit(GraphComposer graph)
    {
        if (!(Epsilon >= 0)) throw graph.Fault($"epsilon is {Epsilon.ToString(CultureInfo.InvariantCulture)}; it must be at least 0");
        var weight = graph.Need("weight", 1);
        var channels = weight.Shape[0];
        if (Groups < 1 || channels % Groups != 0) throw graph.Fault($"{channels} channels cannot be divided into {Groups} groups of equal size");
        var bias = graph.Bias("bias", channels) ?? IrTensor.Of<float>([channels], new float[channels]);
        graph.Op("GroupNormalization", [graph.Read(Input), graph.Constant(graph.NameOf("weight"), weight), graph.Constant(graph.NameOf("bias"), bias)], Output, ("num_groups", (long)Groups), ("epsilon", Epsilon));
    }
}
