using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>
/// Columns of a packed weight matrix by index: Y[indices…, r] = W[r, index]. So a table that a product also multiplies is stored once.
/// </summary>
/// <remarks>
/// Inputs: W packed [rows, columns] of any format, indices int32 or int64 of any shape, in [-columns, columns). A negative one
/// counts from the end. Output: Y fp32 [indices…, rows].
/// </remarks>
internal sealed unsafe class ColumnEmbedding : Operator
{
    public override WeightUse UseOf(int input) => input == 0 ? WeightUse.Table : WeightUse.None;

    public override void Infer(NodeContext context)
    {
        var w = context.Input(0);
        PackedProduct.Check(w, w.Layout.Rows, w.Layout.Columns);
        context.Output(0).Set(ElementType.Float32, Indices.Require(context.Input(1)).Shape.Append(w.Layout.Rows));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var w = context.Input(0);
        var indices = context.Input(1);
        var y = context.Output(0).Floats;
        var matrix = w.Matrix(0);
        for (var i = 0; i < indices.Count; i++, y += w.Layout.Rows)
        {
            var column = Indices.At(indices, i, w.Layout.Columns);
            matrix.Layout.Format.ReadColumn(matrix, column, y);
        }
    }
}
