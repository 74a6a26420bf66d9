using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>
/// Rows of a packed weight matrix by index: Y[indices…, k] = W[index, k].
/// </summary>
/// <remarks>
/// Inputs: W packed [rows, columns] of any format, indices int32 or int64 of any shape, in
/// [-rows, rows). A negative one counts from the end. Output: Y fp32 [indices…, columns].
/// </remarks>
internal sealed unsafe class Embedding : Operator
{
    public override WeightUse UseOf(int input) => input == 0 ? WeightUse.Table : WeightUse.None;

    public override void Infer(NodeContext context)
    {
        var w = context.Input(0);
        PackedProduct.Check(w, w.Layout.Rows, w.Layout.Columns);
        var indices = Require.AnyDense(context.Input(1));
        if (indices.Type is not (ElementType.Int32 or ElementType.Int64)) throw OperatorError.Type(indices, "int32 or int64");
        context.Output(0).Set(ElementType.Float32, indices.Shape.Append(w.Layout.Columns));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var w = context.Input(0);
        var indices = context.Input(1);
        var y = context.Output(0).Floats;
        int rows = w.Layout.Rows, columns = w.Layout.Columns;
        var matrix = w.Matrix(0);
        for (var i = 0; i < indices.Count; i++)
        {
            var index = indices.Integer(i);
            if (index < -rows || index >= rows) throw OperatorError.Value($"'{indices.Name}' holds the index {index}; expected {-rows} to {rows - 1}.");
            var row = (int)(index < 0 ? index + rows : index);
            matrix.Layout.Format.ReadRow(matrix, row, y);
            y += columns;
        }
    }
}
