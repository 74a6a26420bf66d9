using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>The input's shape, from Start to End, as int64 [rank].</summary>
internal sealed class ShapeOf(Attributes attributes) : Operator
{
    private readonly long _start = attributes.Int(AttributeKey.Start, 0);
    private readonly long _end = attributes.Int(AttributeKey.End, long.MaxValue);

    public override bool DependsOnShapesOnly => true;

    public override void Infer(NodeContext context)
    {
        var (start, end) = Range(Require.AnyDense(context.Input(0)).Rank);
        context.Output(0).Set(ElementType.Int64, new Shape(Math.Max(0, end - start)));
    }

    public override double Work(NodeContext context) => OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var (start, end) = Range(x.Rank);
        var y = context.Output(0).AsSpan<long>();
        for (var i = start; i < end; i++) y[i - start] = x.Shape[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (int Start, int End) Range(int rank) => (Place(_start, rank), Place(_end, rank));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Place(long axis, int rank) => (int)Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);
}

/// <summary>The number of the input's elements, as an int64 scalar.</summary>
internal sealed class SizeOf : Operator
{
    public override bool DependsOnShapesOnly => true;

    public override void Infer(NodeContext context)
    {
        Require.AnyDense(context.Input(0));
        context.Output(0).Set(ElementType.Int64, new Shape());
    }

    public override double Work(NodeContext context) => OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context) => context.Output(0).AsSpan<long>()[0] = context.Input(0).Count;
}
