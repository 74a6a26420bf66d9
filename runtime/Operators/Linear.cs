using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Fully connected layer on the last axis: Y[…, r] = bias[r] + Σ_k W[r, k]·X[…, k].
/// </summary>
/// <remarks>
/// Inputs: X fp32 […, columns], W packed [rows, columns], bias fp32 [rows] (optional). Output: Y fp32 […, rows]. All leading
/// dimensions are rows of one product. int8 and int4 weights quantize each row of X by its own range.
/// </remarks>
internal sealed unsafe class Linear : Operator
{
    public override WeightUse UseOf(int input) => input == 1 ? WeightUse.Product : WeightUse.None;

    public override bool TryBatch(in Batching batch) => batch.Rows();

    public override void Infer(NodeContext context)
    {
        var x = Require.Dense(context.Input(0));
        var w = context.Input(1);
        if (x.Rank < 1) throw OperatorError.Rank(x, "at least one dimension");
        var rows = w.Layout.Rows;
        if (x.Shape[x.Rank - 1] < 1) throw OperatorError.Rank(x, "a last dimension of at least 1");
        PackedProduct.Check(w, rows, x.Shape[x.Rank - 1]);
        Require.Optional(context.Optional(2), rows);
        var shape = x.Shape;
        shape[x.Rank - 1] = rows;
        context.Output(0).Set(ElementType.Float32, shape);
    }

    public override bool UsesScratch(NodeContext context) => context.Input(1).Layout.IsInteger;

    public override long ScratchBytes(NodeContext context) => PackedProduct.ScratchBytes(context.Input(1), CountRows(context.Input(0)));

    /// <summary>Several products of one input, such as query, key and value, quantize its rows once.</summary>
    public override bool SharesPreparation(NodeContext before, NodeContext own) => before.Input(0) == own.Input(0) && before.Input(1).Layout.IsInteger && own.Input(1).Layout.IsInteger;

    public override double Work(NodeContext context) => base.Work(context) + PackedProduct.Work(context.Input(1), CountRows(context.Input(0)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var w = context.Input(1);
        var bias = context.Optional(2);
        var y = new OutputRange(context.Output(0).Floats, w.Layout.Rows, w.Layout.Rows, bias is null ? null : bias.Floats);
        PackedProduct.Multiply(context.Kernels, w, 0, new FloatRows(x.Floats, w.Layout.Columns, CountRows(x)), y, context.Scratch, context.IsPrepared);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int CountRows(Tensor x) => x.Count == 0 ? 0 : x.Count / x.Shape[x.Rank - 1];
}
