using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = data; Y[indices[i…, 0], …, indices[i…, k-1], inner…] = reduction(Y[…], updates[i…, inner…]).</summary>
/// <remarks>
/// Inputs: data of any type; indices int32 or int64 [i…, k], each in [-size, size) of its axis; updates of data's type
/// [i…, inner…]. Reduction none, add, mul, max or min. Several updates of one element are applied in order of the tuples.
/// </remarks>
internal sealed unsafe class ScatterND(Attributes attributes) : Operator
{
    private readonly ScatterReduction _reduction = ScatterReductions.Parse(attributes);

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => input == 0;

    public override void Infer(NodeContext context)
    {
        var data = Require.AnyDense(context.Input(0));
        var indices = Indices.Require(context.Input(1));
        var updates = context.Input(2);
        ScatterReductions.Check(_reduction, data, updates);
        if (indices.Rank == 0) throw OperatorError.Rank(indices, "at least one dimension");
        var inner = data.Shape.AsSpan()[GatherND.TupleEnd(indices, 0, data)..];
        var outer = indices.Shape.AsSpan()[..^1];
        var shape = updates.Shape.AsSpan();
        if (shape.Length != outer.Length + inner.Length || !shape[..outer.Length].SequenceEqual(outer) || !shape[outer.Length..].SequenceEqual(inner))
            throw OperatorError.Rank(updates, $"{new Shape(outer)} followed by {new Shape(inner)}");
        context.Output(0).Set(data.Type, data.Shape);
        if (_reduction == ScatterReduction.None) IndexRuns.Find(context, indices, data.Shape.AsSpan()[..^inner.Length]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor data = context.Input(0), y = context.Output(0);
        if (data.Data != y.Data) Buffer.MemoryCopy(data.Data, y.Data, y.Bytes, data.Bytes);
        if (context.Input(2).Count == 0) return;
        var inner = (nint)y.Shape.Product(context.Input(1).Shape[context.Input(1).Rank - 1], y.Rank) * y.Type.Size();
        if (IndexRuns.TryCopy(context, y.Data, context.Input(2).Data, inner, scatter: true)) return;
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
        Tensor indices = context.Input(1), updates = context.Input(2), y = context.Output(0);
        var length = indices.Shape[indices.Rank - 1];
        var inner = y.Shape.Product(length, y.Rank);
        var tuples = indices.Shape.Product(0, indices.Rank - 1);
        var update = (T*)updates.Data;
        for (var tuple = 0; tuple < tuples; tuple++, update += inner)
        {
            var target = (T*)y.Data + GatherND.Slice(y, 0, 0, indices, tuple * length, length) * inner;
            for (var i = 0; i < inner; i++) target[i] = ScatterReductions.Join(_reduction, target[i], update[i]);
        }
    }
}
