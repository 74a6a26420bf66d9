using System.Numerics;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Y = reduction of X over axes (input 1, known; none given: all axes, or nothing with NoopWithEmptyAxes). fp32 elements of one
/// result are taken as one row in row-major order of the reduced axes and summed in the kernels' fixed order, whichever axes these are.
/// </summary>
internal sealed unsafe class Reduce(Attributes attributes) : Operator
{
    private readonly ReduceFunction _function = attributes.Enum(AttributeKey.Function, ReduceFunction.Sum);
    private readonly bool _keep = attributes.Bool(AttributeKey.KeepDims, true);
    private readonly bool _noop = attributes.Bool(AttributeKey.NoopWithEmptyAxes, false);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type is not (ElementType.Float32 or ElementType.Int32 or ElementType.Int64 or ElementType.Float64)) throw OperatorError.Type(x, "float32, float64, int32 or int64");
        if (x.Type != ElementType.Float32 && _function is ReduceFunction.L2 or ReduceFunction.LogSum or ReduceFunction.LogSumExp && x.Type != ElementType.Float32) throw OperatorError.Type(x, "float32");
        var mask = Mask(context, x);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var rank = 0;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            if ((mask & 1 << axis) == 0) sizes[rank++] = x.Shape[axis];
            else if (_keep) sizes[rank++] = 1;
        }

        context.Output(0).Set(x.Type, new Shape(sizes[..rank]));
    }

    public override long ScratchBytes(NodeContext context) => IsTrailing(Mask(context, context.Input(0)), context.Input(0).Rank) ? 0 : context.Input(0).Bytes + Kernels.KernelSet.ReadSlack;

    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        var mask = Mask(context, x);
        var source = x.Data;
        if (!IsTrailing(mask, x.Rank)) source = Gather(context.Scratch, x, mask);
        if (y.Count == 0) return;
        var length = 1;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            if ((mask & 1 << axis) != 0) length *= x.Shape[axis];
        }

        for (var i = 0; i < y.Count; i++)
        {
            var offset = (long)i * length;
            switch (x.Type)
            {
                case ElementType.Float32:
                    // Without axes and with NoopWithEmptyAxes the input is passed on.
                    y.Floats[i] = mask == 0 && _noop ? ((float*)source)[i] : context.Kernels.Reduce(_function, (float*)source + offset, length);
                    break;
                case ElementType.Float64: ((double*)y.Data)[i] = Numbers((double*)source + offset, length); break;
                case ElementType.Int64: ((long*)y.Data)[i] = Numbers((long*)source + offset, length); break;
                default: ((int*)y.Data)[i] = Numbers((int*)source + offset, length); break;
            }
        }
    }

    private int Mask(NodeContext context, Tensor x)
    {
        if (context.Optional(1) is not null && context.Known(1) is { Count: > 0 } axes) return Axes.Mask(axes, x.Rank);
        return _noop ? 0 : (1 << x.Rank) - 1;
    }

    /// <summary>Whether the reduced axes are the last ones, so that rows are already side by side.</summary>
    private static bool IsTrailing(int mask, int rank) => (mask & mask + (mask & -mask)) == 0 && (mask == 0 || mask >> rank - 1 == 1);

    private static byte* Gather(byte* scratch, Tensor x, int mask)
    {
        Span<long> dense = stackalloc long[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Axes.Strides(x.Shape, dense);
        var next = 0;
        for (var pass = 0; pass < 2; pass++)
        {
            for (var axis = 0; axis < x.Rank; axis++)
            {
                if ((mask >> axis & 1) != pass) continue;
                sizes[next] = x.Shape[axis];
                strides[next++] = dense[axis];
            }
        }

        Axes.Copy(x.Data, sizes[..x.Rank], strides[..x.Rank], x.Type.Size(), scratch);
        return scratch;
    }

    private T Numbers<T>(T* x, int n)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var result = _function switch { ReduceFunction.Max => T.MinValue, ReduceFunction.Min => T.MaxValue, ReduceFunction.Prod => T.One, _ => T.Zero };
        for (var i = 0; i < n; i++)
        {
            var v = x[i];
            result = _function switch
            {
                ReduceFunction.Max => v > result ? v : result,
                ReduceFunction.Min => v < result ? v : result,
                ReduceFunction.Prod => result * v,
                ReduceFunction.L1 => result + (v < T.Zero ? T.Zero - v : v),
                ReduceFunction.SumSquare => result + v * v,
                _ => result + v,
            };
        }

        return _function == ReduceFunction.Mean && n > 0 ? result / T.CreateTruncating(n) : result;
    }
}
