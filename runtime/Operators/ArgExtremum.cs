using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>ArgMax and ArgMin: the index of the largest or smallest element along an axis, as int64.</summary>
/// <remarks>
/// Input X of numbers. Axis (default 0), KeepDims (default 1), SelectLastIndex (default 0: the first of equal ones). A NaN is neither
/// larger nor smaller than anything, so it is chosen only if it is the first element.
/// </remarks>
internal sealed unsafe class ArgExtremum(Attributes attributes, bool isMax) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, 0);
    private readonly bool _keepDims = attributes.Bool(AttributeKey.KeepDims, true);
    private readonly bool _isLast = attributes.Bool(AttributeKey.SelectLastIndex, false);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type == ElementType.Bool) throw OperatorError.Type(x, "numbers");
        var axis = Require.Axis(_axis, x);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var rank = 0;
        for (var d = 0; d < x.Rank; d++)
        {
            if (d != axis) sizes[rank++] = x.Shape[d];
            else if (_keepDims) sizes[rank++] = 1;
        }

        var shape = new Shape(sizes[..rank]);
        if (x.Shape[axis] == 0 && shape.Count > 0) throw OperatorError.Rank(x, $"at least one element along axis {axis}");
        context.Output(0).Set(ElementType.Int64, shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        switch (x.Type)
        {
            case ElementType.Float32: Search((float*)x.Data, context); break;
            case ElementType.Float64: Search((double*)x.Data, context); break;
            case ElementType.Int64: Search((long*)x.Data, context); break;
            case ElementType.Int32: Search((int*)x.Data, context); break;
            case ElementType.Int8: Search((sbyte*)x.Data, context); break;
            default: Search(x.Data, context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Search<T>(T* x, NodeContext context)
        where T : unmanaged, INumber<T>
    {
        var y = (long*)context.Output(0).Data;
        var lines = new AxisLines(context.Input(0), Require.Axis(_axis, context.Input(0)));
        for (nint line = 0; line < lines.Count; line++)
        {
            var values = x + lines.Start(line);
            var best = 0;
            var extremum = values[0];
            for (var i = 1; i < lines.Size; i++)
            {
                var value = values[i * lines.Stride];
                var isBetter = isMax ? value > extremum : value < extremum;
                if (!isBetter && !(_isLast && value == extremum)) continue;
                best = i;
                extremum = value;
            }

            y[line] = best;
        }
    }
}
