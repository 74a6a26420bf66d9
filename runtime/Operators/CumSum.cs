using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Running sums along an axis: y[i] = Σ x[j] over j ≤ i, or j &lt; i if Exclusive; from the end if Reverse.</summary>
/// <remarks>
/// Inputs: X of numbers; the axis, a known int32 or int64 scalar. Each sum is one chain in this order, so its bits are the same everywhere.
/// Integers wrap around.
/// </remarks>
internal sealed unsafe class CumSum(Attributes attributes) : Operator
{
    private readonly bool _isExclusive = attributes.Bool(AttributeKey.Exclusive, false);
    private readonly bool _isReverse = attributes.Bool(AttributeKey.Reverse, false);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type == ElementType.Bool) throw OperatorError.Type(x, "numbers");
        Axis(context, x);
        context.Output(0).Set(x.Type, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Input(0).Type)
        {
            case ElementType.Float32: Sum<float>(context); break;
            case ElementType.Float64: Sum<double>(context); break;
            case ElementType.Int64: Sum<long>(context); break;
            case ElementType.Int32: Sum<int>(context); break;
            case ElementType.Int8: Sum<sbyte>(context); break;
            default: Sum<byte>(context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Axis(NodeContext context, Tensor x)
    {
        var axis = Indices.Require(context.Known(1));
        return axis.Count == 1 ? Axes.Normalize(axis.Integer(0), x.Rank) : throw OperatorError.Rank(axis, "one number");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Sum<T>(NodeContext context)
        where T : unmanaged, INumber<T>
    {
        Tensor input = context.Input(0), output = context.Output(0);
        if (input.Count == 0) return;
        var axis = Axis(context, input);
        var size = input.Shape[axis];
        nint inner = input.Shape.Product(axis + 1, input.Rank);
        var outer = input.Shape.Product(0, axis);
        var step = _isReverse ? -inner : inner;
        for (nint o = 0; o < outer; o++)
        {
            var first = (o * size + (_isReverse ? size - 1 : 0)) * inner;
            T* x = (T*)input.Data + first, y = (T*)output.Data + first;
            if (_isExclusive) new Span<T>(y, (int)inner).Clear();
            else Buffer.MemoryCopy(x, y, inner * sizeof(T), inner * sizeof(T));
            for (var i = 1; i < size; i++, x += step, y += step)
            {
                var next = _isExclusive ? x : x + step;
                for (nint j = 0; j < inner; j++) (y + step)[j] = y[j] + next[j];
            }
        }
    }
}
