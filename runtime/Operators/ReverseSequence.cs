using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Reverses the first length[n] steps of each sequence n and keeps the others.</summary>
/// <remarks>
/// Inputs: X of any type, [time, batch, …] or [batch, time, …] by TimeAxis (default 0) and BatchAxis (default 1); lengths int32 or
/// int64 [batch], each in [0, time].
/// </remarks>
internal sealed unsafe class ReverseSequence : Operator
{
    private readonly int _timeAxis;
    private readonly int _batchAxis;

    public ReverseSequence(Attributes attributes)
    {
        _timeAxis = attributes.Int32(AttributeKey.TimeAxis, 0);
        _batchAxis = attributes.Int32(AttributeKey.BatchAxis, 1);
        if ((_timeAxis, _batchAxis) is not ((0, 1) or (1, 0))) throw OperatorError.Attribute($"Time axis {_timeAxis} and batch axis {_batchAxis} must be 0 and 1, or 1 and 0.");
    }

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var lengths = Indices.Require(context.Input(1));
        if (x.Rank < 2) throw OperatorError.Rank(x, "a time and a batch dimension");
        if (lengths.Rank != 1 || lengths.Shape[0] != x.Shape[_batchAxis]) throw OperatorError.Rank(lengths, $"[{x.Shape[_batchAxis]}], one length for each sequence");
        context.Output(0).Set(x.Type, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), lengths = context.Input(1), y = context.Output(0);
        if (x.Count == 0) return;
        int steps = x.Shape[_timeAxis], batch = x.Shape[_batchAxis];
        var bytes = (long)x.Shape.Product(2, x.Rank) * x.Type.Size();
        var stepStride = _timeAxis == 0 ? batch * bytes : bytes;
        var sequenceStride = _timeAxis == 0 ? bytes : steps * bytes;
        for (var n = 0; n < batch; n++)
        {
            var length = lengths.Integer(n);
            if (length < 0 || length > steps) throw OperatorError.Value($"'{lengths.Name}' holds the length {length}; expected 0 to {steps}.");
            for (var t = 0; t < steps; t++)
            {
                var from = t < length ? length - 1 - t : t;
                Buffer.MemoryCopy(x.Data + n * sequenceStride + from * stepStride, y.Data + n * sequenceStride + t * stepStride, bytes, bytes);
            }
        }
    }
}
