using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>A tensor of the shape in input 0. Every element is the attribute Value (float or int) in the type To (default fp32).</summary>
internal sealed class ConstantOfShape : Operator
{
    private readonly ElementType _type;
    private readonly float _float;
    private readonly long _integer;

    public ConstantOfShape(Attributes attributes)
    {
        _type = attributes.Enum(AttributeKey.To, ElementType.Float32);
        if (_type is ElementType.Float32 or ElementType.Float64) _float = attributes.Float(AttributeKey.Value, 0);
        else _integer = attributes.Int(AttributeKey.Value, 0);
    }

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var shape = context.Known(0);
        if (shape.Count > Shape.MaxRank) throw OperatorError.Value($"'{shape.Name}' has {shape.Count} dimensions; the limit is {Shape.MaxRank}.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (var i = 0; i < shape.Count; i++)
        {
            var size = shape.Integer(i);
            sizes[i] = size is >= 0 and <= int.MaxValue ? (int)size : throw OperatorError.Value($"'{shape.Name}' holds {size}, which is not a size.");
        }

        context.Output(0).Set(_type, new Shape(sizes[..shape.Count]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var y = context.Output(0);
        switch (_type)
        {
            case ElementType.Float32: y.AsSpan<float>().Fill(_float); break;
            case ElementType.Float64: y.AsSpan<double>().Fill(_float); break;
            case ElementType.Int64: y.AsSpan<long>().Fill(_integer); break;
            case ElementType.Int32: y.AsSpan<int>().Fill((int)_integer); break;
            default: y.AsSpan<byte>().Fill((byte)_integer); break;
        }
    }
}
