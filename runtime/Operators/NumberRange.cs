using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y[i] = start + i·delta, for the max(0, ⌈(limit - start)/delta⌉) elements before the limit.</summary>
/// <remarks>
/// Inputs: start, limit and delta, known numbers of one type: float32, float64, int32 or int64. Float elements are one rounded product and
/// one rounded sum.
/// </remarks>
internal sealed unsafe class NumberRange : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var type = context.Known(0).Type;
        for (var i = 0; i < 3; i++)
        {
            var input = Require.Dense(context.Known(i), type);
            if (type is not (ElementType.Float32 or ElementType.Float64 or ElementType.Int32 or ElementType.Int64)) throw OperatorError.Type(input, "float32, float64, int32 or int64");
            if (input.Count != 1) throw OperatorError.Rank(input, "one number");
        }

        var count = type is ElementType.Float32 or ElementType.Float64 ? FloatCount(context) : IntegerCount(context);
        context.Output(0).Set(type, new Shape(count));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var y = context.Output(0);
        switch (y.Type)
        {
            case ElementType.Float32:
                float start = context.Input(0).AsSpan<float>()[0], delta = context.Input(2).AsSpan<float>()[0];
                for (var i = 0; i < y.Count; i++) y.Floats[i] = start + i * delta;
                break;
            case ElementType.Float64:
                double first = context.Input(0).AsSpan<double>()[0], step = context.Input(2).AsSpan<double>()[0];
                for (var i = 0; i < y.Count; i++) ((double*)y.Data)[i] = first + i * step;
                break;
            case ElementType.Int32:
                for (var i = 0; i < y.Count; i++) ((int*)y.Data)[i] = (int)(context.Input(0).Integer(0) + i * context.Input(2).Integer(0));
                break;
            default:
                for (var i = 0; i < y.Count; i++) ((long*)y.Data)[i] = context.Input(0).Integer(0) + i * context.Input(2).Integer(0);
                break;
        }
    }

    private static int FloatCount(NodeContext context)
    {
        var delta = Number(context.Input(2));
        var count = Math.Ceiling((Number(context.Input(1)) - Number(context.Input(0))) / delta);
        if (delta == 0 || !(count <= int.MaxValue)) throw OperatorError.Value($"A range from {Number(context.Input(0))} to {Number(context.Input(1))} by {delta} has no valid number of elements.");
        return (int)Math.Max(0, count);
    }

    private static int IntegerCount(NodeContext context)
    {
        Int128 start = context.Input(0).Integer(0), limit = context.Input(1).Integer(0), delta = context.Input(2).Integer(0);
        if (delta == 0) throw OperatorError.Value("A range must not have step 0.");
        var count = delta > 0 ? (limit - start + delta - 1) / delta : (start - limit - delta - 1) / -delta;
        return count <= int.MaxValue ? (int)Int128.Max(0, count) : throw new TooLargeException($"A range from {start} to {limit} by {delta} has more than {int.MaxValue} elements.");
    }

    private static double Number(Tensor tensor) => tensor.Type == ElementType.Float32 ? tensor.AsSpan<float>()[0] : tensor.AsSpan<double>()[0];
}
