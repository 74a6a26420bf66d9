using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = condition ? A : B with broadcasting; condition bool, A and B of one type.</summary>
internal sealed unsafe class Where : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var condition = Require.AnyDense(context.Input(0));
        var a = Require.AnyDense(context.Input(1));
        var b = Require.AnyDense(context.Input(2));
        if (condition.Type != ElementType.Bool) throw OperatorError.Type(condition, "bool");
        if (a.Type != b.Type) throw OperatorError.Type(b, $"{a.Type.Name()}, the type of '{a.Name}'");
        var y = context.Output(0);
        y.Set(a.Type, Axes.Broadcast(a, b));
        y.Set(a.Type, Axes.Broadcast(condition, y));
    }

    public override void Execute(NodeContext context)
    {
        var condition = context.Input(0);
        var a = context.Input(1);
        var b = context.Input(2);
        var y = context.Output(0);
        Span<long> stridesC = stackalloc long[Shape.MaxRank];
        Span<long> stridesA = stackalloc long[Shape.MaxRank];
        Span<long> stridesB = stackalloc long[Shape.MaxRank];
        Span<int> index = stackalloc int[Shape.MaxRank];
        Axes.BroadcastStrides(condition.Shape, y.Shape, stridesC);
        Axes.BroadcastStrides(a.Shape, y.Shape, stridesA);
        Axes.BroadcastStrides(b.Shape, y.Shape, stridesB);
        index.Clear();
        var width = y.Type.Size();
        long c = 0, ia = 0, ib = 0;
        for (var i = 0L; i < y.Count; i++)
        {
            var source = condition.Data[c] != 0 ? a.Data + ia * width : b.Data + ib * width;
            if (width == 4) ((uint*)y.Data)[i] = *(uint*)source;
            else if (width == 8) ((ulong*)y.Data)[i] = *(ulong*)source;
            else y.Data[i] = *source;
            for (var axis = y.Rank - 1; axis >= 0; axis--)
            {
                (c, ia, ib) = (c + stridesC[axis], ia + stridesA[axis], ib + stridesB[axis]);
                if (++index[axis] < y.Shape[axis]) break;
                (c, ia, ib) = (c - stridesC[axis] * y.Shape[axis], ia - stridesA[axis] * y.Shape[axis], ib - stridesB[axis] * y.Shape[axis]);
                index[axis] = 0;
            }
        }
    }
}

/// <summary>Y = min(max(X, low), high); inputs X, low and high (optional scalars).</summary>
internal sealed unsafe class Clip : Operator
{
    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => input == 0;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type is not (ElementType.Float32 or ElementType.Int32 or ElementType.Int64 or ElementType.Int8 or ElementType.UInt8)) throw OperatorError.Type(x, "float32 or integers");
        for (var i = 1; i < 3; i++)
        {
            if (context.Optional(i) is not { } bound) continue;
            if (Require.AnyDense(bound).Type != x.Type) throw OperatorError.Type(bound, x.Type.Name());
            if (bound.Count != 1) throw OperatorError.Rank(bound, "one number");
        }

        context.Output(0).Set(x.Type, x.Shape);
    }

    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        switch (x.Type)
        {
            case ElementType.Float32:
                var y = context.Output(0).Floats;
                var from = x.Floats;
                if (context.Optional(1) is { } low)
                {
                    context.Kernels.Binary(BinaryFunction.Max, from, 1, low.Floats, 0, y, x.Count);
                    from = y;
                }

                if (context.Optional(2) is { } high)
                {
                    context.Kernels.Binary(BinaryFunction.Min, from, 1, high.Floats, 0, y, x.Count);
                    from = y;
                }

                if (from != y) Buffer.MemoryCopy(from, y, x.Bytes, x.Bytes);
                break;
            case ElementType.Int64: Integers<long>(context); break;
            case ElementType.Int32: Integers<int>(context); break;
            case ElementType.Int8: Integers<sbyte>(context); break;
            default: Integers<byte>(context); break;
        }
    }

    private static void Integers<T>(NodeContext context)
        where T : unmanaged, IComparable<T>
    {
        var x = context.Input(0).AsSpan<T>();
        var y = context.Output(0).AsSpan<T>();
        for (var i = 0; i < x.Length; i++)
        {
            var v = x[i];
            if (context.Optional(1) is { } low && v.CompareTo(low.AsSpan<T>()[0]) < 0) v = low.AsSpan<T>()[0];
            if (context.Optional(2) is { } high && v.CompareTo(high.AsSpan<T>()[0]) > 0) v = high.AsSpan<T>()[0];
            y[i] = v;
        }
    }
}

/// <summary>X repeated to the broadcast of its shape and the shape in input 1.</summary>
internal sealed class Expand : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var target = context.Known(1);
        var rank = Math.Max(x.Rank, target.Count);
        if (rank > Shape.MaxRank) throw OperatorError.Value($"'{target.Name}' asks for {rank} dimensions; at most {Shape.MaxRank} are possible.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (var i = 1; i <= rank; i++)
        {
            var old = i <= x.Rank ? x.Shape[x.Rank - i] : 1;
            var size = i <= target.Count ? target.Integer(target.Count - i) : 1;
            if (size is < 0 or > int.MaxValue || (old != size && old != 1 && size != 1)) throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} does not broadcast to the shape in '{target.Name}'.");
            sizes[rank - i] = old == 1 ? (int)size : old;
        }

        context.Output(0).Set(x.Type, new Shape(sizes[..rank]));
    }

    public override unsafe void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Axes.BroadcastStrides(x.Shape, y.Shape, strides);
        Axes.Copy(x.Data, y.Shape.AsSpan(), strides[..y.Rank], x.Type.Size(), y.Data);
    }
}
