using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y[i₀, …] = X[i₀, …, index, …], where index = indices[i₀, …] replaces one axis.</summary>
/// <remarks>Inputs: X of any type; indices int32 or int64 of the same rank, each in [-size, size). Except on the axis, their sizes must not exceed X's. Axis (default 0).</remarks>
internal sealed unsafe class GatherElements(Attributes attributes) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, 0);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var indices = Indices.Require(context.Input(1));
        Check(x, indices, Require.Axis(_axis, x));
        context.Output(0).Set(x.Type, indices.Shape);
    }

    public override double Work(NodeContext context) => 2 * OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Input(0).Type.Size())
        {
            case 1: Take<byte>(context); break;
            case 4: Take<uint>(context); break;
            default: Take<ulong>(context); break;
        }
    }

    /// <summary>Checks that indices have X's rank and, except on the axis, no larger sizes.</summary>
    public static void Check(Tensor x, Tensor indices, int axis)
    {
        if (indices.Rank != x.Rank) throw OperatorError.Rank(indices, $"{x.Rank} dimensions");
        for (var d = 0; d < x.Rank; d++)
        {
            if (d != axis && indices.Shape[d] > x.Shape[d]) throw OperatorError.Rank(indices, $"at most {x.Shape[d]} in dimension {d}");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take<T>(NodeContext context)
        where T : unmanaged
    {
        Tensor x = context.Input(0), indices = context.Input(1);
        if (indices.Count == 0) return;
        var y = (T*)context.Output(0).Data;
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Span<int> position = stackalloc int[Shape.MaxRank];
        position.Clear();
        Axes.Strides(x.Shape, strides);
        var axis = Require.Axis(_axis, x);
        var size = x.Shape[axis];
        var stride = strides[axis];
        strides[axis] = 0;
        long offset = 0;
        var i = 0;
        do
        {
            y[i] = ((T*)x.Data)[offset + Indices.At(indices, i, size) * stride];
            i++;
        }
        while (Axes.Next(position, indices.Shape.AsSpan(), strides, ref offset));
    }
}
