using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Group normalization: channels are in NumGroups groups. Each group is normalized over its channels and spatial dimensions by
/// (x - mean)/√(variance + ε), then scaled and shifted by channel. Instance normalization has one channel in each group.
/// </summary>
/// <remarks>
/// Inputs: X fp32 [N, C, spatial…], scale fp32 [C], bias fp32 [C]. NumGroups, Epsilon (default 1e-5). Output Y may overwrite X.
/// Sources: ONNX GroupNormalization-21, InstanceNormalization; Wu and He, arXiv 1803.08494; Ulyanov et al., arXiv 1607.08022.
/// </remarks>
internal sealed unsafe class GroupNormalization : Operator
{
    private readonly int _groups;
    private readonly float _epsilon;

    /// <param name="attributes">Attributes.</param>
    /// <param name="isInstance">Whether each group has one channel. NumGroups is then ignored.</param>
    public GroupNormalization(Attributes attributes, bool isInstance)
    {
        _groups = isInstance ? 0 : attributes.Int32(AttributeKey.NumGroups, 0);
        if (!isInstance && _groups < 1) throw OperatorError.Attribute($"NumGroups = {_groups}; expected at least 1.");
        _epsilon = attributes.Float(AttributeKey.Epsilon, 1e-5f);
    }

    public override bool TryBatch(in Batching batch) => batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.Dense(context.Input(0));
        if (x.Rank < 2) throw OperatorError.Rank(x, "[batch, channels, spatial…]");
        var channels = x.Shape[1];
        if (_groups > 0 && channels % _groups != 0) throw OperatorError.Rank(x, $"a multiple of {_groups} channels");
        _ = Require.Optional(context.Input(1), channels);
        _ = Require.Optional(context.Input(2), channels);
        context.Output(0).Set(ElementType.Float32, x.Shape);
    }

    public override bool CanOverwrite(int input) => input == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (x.Count == 0) return;
        float* scale = context.Input(1).Floats, bias = context.Input(2).Floats;
        var channels = x.Shape[1];
        var groups = _groups == 0 ? channels : _groups;
        nint size = x.Count / ((nint)x.Shape[0] * groups), spatial = x.Count / ((nint)x.Shape[0] * channels);
        context.Kernels.Normalize(x.Floats, null, null, y.Floats, x.Count / size, size, _epsilon, false);
        for (nint row = 0; row < x.Count / spatial; row++)
        {
            var channel = row % channels;
            var line = y.Floats + row * spatial;
            context.Kernels.Unary(UnaryFunction.Affine, line, line, spatial, scale[channel], bias[channel]);
        }
    }
}
