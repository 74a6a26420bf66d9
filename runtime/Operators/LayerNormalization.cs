using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Layer normalization over the dimensions from Axis to the last: Y = (X - mean)/√(variance + ε)·scale + bias, with the population's variance.
/// Root-mean-square normalization (RMSNorm) has no mean and no bias.
/// </summary>
/// <remarks>
/// Inputs: X fp32; scale and optional bias (not for RMS), fp32 of X's shape from Axis on, leading ones allowed. Axis (default -1), Epsilon
/// (default 1e-5). Output Y may overwrite X. Sources: ONNX LayerNormalization-17 and RMSNormalization-23; Ba et al., arXiv 1607.06450; Zhang
/// and Sennrich, arXiv 1910.07467.
/// </remarks>
internal sealed unsafe class LayerNormalization(Attributes attributes, bool rms) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, -1);
    private readonly float _epsilon = attributes.Float(AttributeKey.Epsilon, 1e-5f);

    public override bool TryBatch(in Batching batch) => batch.IsInner(_axis) && batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.Dense(context.Input(0));
        var axis = Require.Axis(_axis, x);
        CheckTail(context.Input(1), x, axis);
        if (!rms && context.Optional(2) is { } bias) CheckTail(bias, x, axis);
        context.Output(0).Set(ElementType.Float32, x.Shape);
    }

    public override bool CanOverwrite(int input) => input == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0), scale = context.Input(1);
        if (x.Count == 0) return;
        var bias = !rms && context.Optional(2) is { } b ? b.Floats : null;
        nint size = scale.Count;
        context.Kernels.Normalize(x.Floats, scale.Floats, bias, y.Floats, x.Count / size, size, _epsilon, rms);
    }

    private static void CheckTail(Tensor tensor, Tensor x, int axis)
    {
        Require.Dense(tensor);
        for (var i = 1; i <= Math.Max(tensor.Rank, x.Rank - axis); i++)
        {
            var size = i <= tensor.Rank ? tensor.Shape[tensor.Rank - i] : 1;
            var expected = i <= x.Rank - axis ? x.Shape[x.Rank - i] : 1;
            if (size != expected) throw OperatorError.Rank(tensor, $"the shape of '{x.Name}' {x.Shape} from axis {axis} on");
        }
    }
}
