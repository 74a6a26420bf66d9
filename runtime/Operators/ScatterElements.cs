using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = data; Y[i₀, …, index, …] = reduction(Y[…], updates[i₀, …]), where index = indices[i₀, …] replaces one axis.</summary>
/// <remarks>
/// Inputs: data of any type; indices int32 or int64 of the same rank, each in [-size, size), with no larger sizes except on the axis; updates
/// of data's type and the indices' shape. Axis (default 0), Reduction none, add, mul, max or min. Several updates of one element are applied
/// in row-major order of the indices.
/// </remarks>
internal sealed unsafe class ScatterElements(Attributes attributes) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, 0);
    private readonly ScatterReduction _reduction = ScatterReductions.Parse(attributes);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var data = Require.AnyDense(context.Input(0));
        var indices = Indices.Require(context.Input(1));
        var updates = context.Input(2);
        ScatterReductions.Check(_reduction, data, updates);
        GatherElements.Check(data, indices, Require.Axis(_axis, data));
        if (!updates.Shape.Equals(indices.Shape)) throw OperatorError.Rank(updates, $"{indices.Shape}, the shape of '{indices.Name}'");
        context.Output(0).Set(data.Type, data.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor data = context.Input(0), y = context.Output(0);
        Buffer.MemoryCopy(data.Data, y.Data, y.Bytes, data.Bytes);
        switch (data.Type)
        {
            case ElementType.Float32: Put<float>(context); break;
            case ElementType.Float64: Put<double>(context); break;
            case ElementType.Int64: Put<long>(context); break;
            case ElementType.Int32: Put<int>(context); break;
            case ElementType.Int8: Put<sbyte>(context); break;
            default: Put<byte>(context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Put<T>(NodeContext context)
        where T : unmanaged, INumber<T>
    {
        Tensor indices = context.Input(1), output = context.Output(0);
        if (indices.Count == 0) return;
        var updates = (T*)context.Input(2).Data;
        var y = (T*)output.Data;
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Span<int> position = stackalloc int[Shape.MaxRank];
        position.Clear();
        Axes.Strides(output.Shape, strides);
        var axis = Require.Axis(_axis, output);
        var size = output.Shape[axis];
        var stride = strides[axis];
        strides[axis] = 0;
        long offset = 0;
        var i = 0;
        do
        {
            var target = y + offset + Indices.At(indices, i, size) * stride;
            *target = ScatterReductions.Join(_reduction, *target, updates[i]);
            i++;
        }
        while (Axes.Next(position, indices.Shape.AsSpan(), strides, ref offset));
    }
}
