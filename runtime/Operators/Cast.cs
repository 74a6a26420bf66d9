using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Elements in another type. Towards integers the fraction is cut off; what does not fit saturates and NaN becomes 0, on every
/// processor. Towards bool anything but 0 is true.
/// </summary>
internal sealed unsafe class Cast(Attributes attributes) : Operator
{
    private readonly ElementType _to = attributes.Enum(AttributeKey.To, ElementType.Float32);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        context.Output(0).Set(_to, x.Shape);
    }

    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        if (x.Type == _to)
        {
            Buffer.MemoryCopy(x.Data, y.Data, y.Bytes, x.Bytes);
            return;
        }

        for (var i = 0; i < x.Count; i++)
        {
            if (x.Type is ElementType.Float32 or ElementType.Float64) Store(y.Data, i, x.Type == ElementType.Float32 ? ((float*)x.Data)[i] : ((double*)x.Data)[i]);
            else Store(y.Data, i, Integer(x, i));
        }
    }

    private static long Integer(Tensor x, int i) => x.Type switch
    {
        ElementType.Int64 => ((long*)x.Data)[i],
        ElementType.Int32 => ((int*)x.Data)[i],
        ElementType.Int8 => ((sbyte*)x.Data)[i],
        _ => x.Data[i],
    };

    private void Store(byte* y, int i, double value)
    {
        switch (_to)
        {
            case ElementType.Float32: ((float*)y)[i] = (float)value; break;
            case ElementType.Float64: ((double*)y)[i] = value; break;
            case ElementType.Bool: y[i] = value != 0 ? (byte)1 : (byte)0; break;
            default: Store(y, i, double.IsNaN(value) ? 0 : value >= 9.2233720368547758e18 ? long.MaxValue : value <= -9.2233720368547758e18 ? long.MinValue : (long)value); break;
        }
    }

    private void Store(byte* y, int i, long value)
    {
        switch (_to)
        {
            case ElementType.Float32: ((float*)y)[i] = value; break;
            case ElementType.Float64: ((double*)y)[i] = value; break;
            case ElementType.Int64: ((long*)y)[i] = value; break;
            case ElementType.Int32: ((int*)y)[i] = (int)Math.Clamp(value, int.MinValue, int.MaxValue); break;
            case ElementType.Int8: ((sbyte*)y)[i] = (sbyte)Math.Clamp(value, sbyte.MinValue, sbyte.MaxValue); break;
            case ElementType.UInt8: y[i] = (byte)Math.Clamp(value, 0, 255); break;
            default: y[i] = value != 0 ? (byte)1 : (byte)0; break;
        }
    }
}
