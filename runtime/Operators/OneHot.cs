using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y[outer…, d, inner…] = d equals indices[outer…, inner…] ? on : off. The new axis of size depth is at Axis.</summary>
/// <remarks>
/// Inputs: indices of any number type (fractions are cut off, NaN is 0); negative ones count from depth, and those outside [-depth, depth)
/// select nothing. depth is a known number; values [off, on] have any type. Axis (default -1).
/// </remarks>
internal sealed unsafe class OneHot(Attributes attributes) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, -1);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var indices = Numbers(context.Input(0));
        var depth = Numbers(context.Known(1));
        var values = Require.AnyDense(context.Input(2));
        if (depth.Count != 1) throw OperatorError.Rank(depth, "one number");
        if (values.Count != 2) throw OperatorError.Rank(values, "[2], the off value and the on value");
        var rank = indices.Rank + 1;
        if (rank > Shape.MaxRank) throw OperatorError.Value($"OneHot would give {rank} dimensions; the limit is {Shape.MaxRank}.");
        var axis = Axes.Normalize(_axis, rank);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        indices.Shape.AsSpan()[..axis].CopyTo(sizes);
        sizes[axis] = Require.Size(Integer(depth, 0));
        indices.Shape.AsSpan()[axis..].CopyTo(sizes[(axis + 1)..]);
        context.Output(0).Set(values.Type, new Shape(sizes[..rank]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Output(0).Type.Size())
        {
            case 1: Fill<byte>(context); break;
            case 4: Fill<uint>(context); break;
            default: Fill<ulong>(context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Fill<T>(NodeContext context)
        where T : unmanaged
    {
        Tensor indices = context.Input(0), y = context.Output(0);
        var values = (T*)context.Input(2).Data;
        y.AsSpan<T>().Fill(values[0]);
        if (y.Count == 0) return;
        var axis = Axes.Normalize(_axis, y.Rank);
        var depth = y.Shape[axis];
        var inner = y.Shape.Product(axis + 1, y.Rank);
        for (var i = 0; i < indices.Count; i++)
        {
            var index = Integer(indices, i);
            if (index < -depth || index >= depth) continue;
            if (index < 0) index += depth;
            ((T*)y.Data)[(i / inner * depth + index) * inner + i % inner] = values[1];
        }
    }

    private static Tensor Numbers(Tensor tensor) => Require.AnyDense(tensor).Type != ElementType.Bool ? tensor : throw OperatorError.Type(tensor, "numbers");

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Integer(Tensor tensor, int i) => tensor.Type switch
    {
        ElementType.Float32 => long.CreateSaturating(tensor.AsSpan<float>()[i]),
        ElementType.Float64 => long.CreateSaturating(tensor.AsSpan<double>()[i]),
        ElementType.UInt8 => tensor.AsSpan<byte>()[i],
        ElementType.Int8 => tensor.AsSpan<sbyte>()[i],
        _ => tensor.Integer(i),
    };
}
