using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = the inputs concatenated along an axis.</summary>
/// <remarks>Inputs: any number of tensors of one type whose shapes differ only on the axis. Axis (default 0).</remarks>
internal sealed unsafe class Concat(Attributes attributes) : Operator
{
    private readonly long _axis = attributes.Int(AttributeKey.Axis, 0);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => batch.IsInner(_axis) && batch.AllLeading();

    public override void Infer(NodeContext context)
    {
        var first = Require.AnyDense(context.Input(0));
        var axis = Axes.Normalize(_axis, first.Rank);
        var shape = first.Shape;
        for (var i = 1; i < context.InputCount; i++)
        {
            var next = Require.AnyDense(context.Input(i));
            if (next.Type != first.Type) throw OperatorError.Type(next, first.Type.Name());
            if (next.Rank != first.Rank) throw OperatorError.Rank(next, $"{first.Rank} dimensions");
            for (var d = 0; d < shape.Rank; d++)
            {
                if (d != axis && next.Shape[d] != shape[d]) throw OperatorError.Size(next, d, shape[d]);
            }

            shape[axis] = Require.Size((long)shape[axis] + next.Shape[axis]);
        }

        context.Output(0).Set(first.Type, shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var y = context.Output(0);
        if (y.Count == 0) return;
        var axis = Axes.Normalize(_axis, y.Rank);
        var outer = y.Shape.Product(0, axis);
        var inner = (nint)y.Shape.Product(axis + 1, y.Rank) * y.Type.Size();
        var row = y.Shape[axis] * inner;
        var target = y.Data;
        for (var i = 0; i < context.InputCount; i++)
        {
            var x = context.Input(i);
            var bytes = x.Shape[axis] * inner;
            Runs.Copy(x.Data, bytes, target, row, bytes, outer);
            target += bytes;
        }
    }
}
