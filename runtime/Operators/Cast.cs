using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Converts elements to another type (To), with the same result on every processor.</summary>
/// <remarks>
/// From a float to an integer, the fraction is cut off, values out of range saturate, and NaN becomes 0. From an integer to a narrower one,
/// the low bits are kept, as in ONNX. To a float, values round to nearest even. To bool, every value except 0 is true.
/// </remarks>
internal sealed unsafe class Cast(Attributes attributes) : Operator
{
    private readonly ElementType _to = attributes.Enum(AttributeKey.To, ElementType.Float32);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => batch.Elements();

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        context.Output(0).Set(_to, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (x.Type == _to)
        {
            Buffer.MemoryCopy(x.Data, y.Data, y.Bytes, x.Bytes);
            return;
        }

        switch (x.Type)
        {
            case ElementType.Float32: From((float*)x.Data, y); break;
            case ElementType.Float64: From((double*)x.Data, y); break;
            case ElementType.Int64: From((long*)x.Data, y); break;
            case ElementType.Int32: From((int*)x.Data, y); break;
            case ElementType.Int8: From((sbyte*)x.Data, y); break;
            default: From(x.Data, y); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void From<T>(T* x, Tensor y)
        where T : unmanaged, INumber<T>
    {
        switch (y.Type)
        {
            case ElementType.Float32: Convert(x, (float*)y.Data, y.Count); break;
            case ElementType.Float64: Convert(x, (double*)y.Data, y.Count); break;
            case ElementType.Int64: Convert(x, (long*)y.Data, y.Count); break;
            case ElementType.Int32: Convert(x, (int*)y.Data, y.Count); break;
            case ElementType.Int8: Convert(x, (sbyte*)y.Data, y.Count); break;
            case ElementType.UInt8: Convert(x, y.Data, y.Count); break;
            default:
                for (nint i = 0; i < y.Count; i++) y.Data[i] = x[i] != T.Zero ? (byte)1 : (byte)0;
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Convert<TFrom, TTo>(TFrom* x, TTo* y, nint n)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo>
    {
        if (typeof(TFrom) == typeof(float) || typeof(TFrom) == typeof(double))
        {
            for (nint i = 0; i < n; i++) y[i] = TTo.CreateSaturating(x[i]);
        }
        else
        {
            for (nint i = 0; i < n; i++) y[i] = TTo.CreateTruncating(x[i]);
        }
    }
}
