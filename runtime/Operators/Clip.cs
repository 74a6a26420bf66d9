using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = min(max(X, low), high).</summary>
/// <remarks>
/// Inputs: X of numbers; low and high are optional scalars of X's type. NaN stays NaN. If low exceeds high, the result is high. The output may
/// overwrite X.
/// </remarks>
internal sealed unsafe class Clip : Operator
{
    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => input == 0;

    public override bool TryBatch(in Batching batch) => batch.Elements();

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type == ElementType.Bool) throw OperatorError.Type(x, "numbers");
        for (var i = 1; i < 3; i++)
        {
            if (context.Optional(i) is not { } bound) continue;
            Require.Dense(bound, x.Type);
            if (bound.Count != 1) throw OperatorError.Rank(bound, "one number");
        }

        context.Output(0).Set(x.Type, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Input(0).Type)
        {
            case ElementType.Float32: Floats(context); break;
            case ElementType.Float64: Numbers<double>(context); break;
            case ElementType.Int64: Numbers<long>(context); break;
            case ElementType.Int32: Numbers<int>(context); break;
            case ElementType.Int8: Numbers<sbyte>(context); break;
            default: Numbers<byte>(context); break;
        }
    }

    /// <summary>The bound is the first operand of Max and Min, because the kernels take the second, X, if one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Floats(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0).Floats;
        var from = x.Floats;
        if (context.Optional(1) is { } low)
        {
            context.Kernels.Binary(BinaryFunction.Max, low.Floats, 0, from, 1, y, x.Count);
            from = y;
        }

        if (context.Optional(2) is { } high)
        {
            context.Kernels.Binary(BinaryFunction.Min, high.Floats, 0, from, 1, y, x.Count);
            from = y;
        }

        if (from != y) Buffer.MemoryCopy(from, y, x.Bytes, x.Bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Numbers<T>(NodeContext context)
        where T : unmanaged, INumber<T>
    {
        var x = context.Input(0).AsSpan<T>();
        var y = context.Output(0).AsSpan<T>();
        bool hasLow = context.Optional(1) is not null, hasHigh = context.Optional(2) is not null;
        var low = hasLow ? context.Input(1).AsSpan<T>()[0] : default;
        var high = hasHigh ? context.Input(2).AsSpan<T>()[0] : default;
        for (var i = 0; i < x.Length; i++)
        {
            var value = x[i];
            if (hasLow && low > value) value = low;
            if (hasHigh && high < value) value = high;
            y[i] = value;
        }
    }
}
