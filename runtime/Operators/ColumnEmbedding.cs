using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Columns of a packed weight matrix by index: Y[indices…, r] = W[r, index]. A table that a product multiplies with too is stored once.
/// </summary>
/// <remarks>
/// Inputs: W packed [rows, columns] of any format (int8 and int4 weights are multiplied by their scales), indices int32 or int64 of any
/// shape, in [-columns, columns): a negative one counts from the end. Output: Y fp32 [indices…, rows].
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

    public override void Execute(NodeContext context)
    {
        var w = context.Input(0);
        var indices = context.Input(1);
        var y = context.Output(0).Floats;
        for (var i = 0; i < indices.Count; i++, y += w.Layout.Rows)
        {
            var column = Indices.At(indices, i, w.Layout.Columns);
            switch (w.Format)
            {
                case TensorFormat.PackedFloat32: CopyFloats<Float32Weights<Scalar, float, int>, float>(w, column, y); break;
                case TensorFormat.PackedFloat16: CopyFloats<Float16Weights<Scalar, float, int>, short>(w, column, y); break;
                case TensorFormat.PackedInt8 or TensorFormat.NarrowInt8: CopyInt8(w, column, y); break;
                default: CopyInt4(w, column, y); break;
            }
        }
    }

    private static void CopyFloats<W, T>(Tensor w, int column, float* y)
        where W : struct, IWeights<T, float, int>
        where T : unmanaged
    {
        for (var row = 0; row < w.Layout.Rows; row++)
            y[row] = W.Load((T*)(w.Data + w.Layout.Offset(row, column)), W.Kept(1));
    }

    private static void CopyInt8(Tensor w, int column, float* y)
    {
        var scales = w.Scales(0);
        for (var row = 0; row < w.Layout.Rows; row++) y[row] = scales[row] * (sbyte)w.Data[w.Layout.Offset(row, column)];
    }

    private static void CopyInt4(Tensor w, int column, float* y)
    {
        var layout = w.Layout;
        var scales = w.Scales(0);
        for (var row = 0; row < layout.Rows; row++)
        {
            var q = (w.Data[layout.Int4Offset(row, column, out var shift)] >> shift & 15) - 8;
            y[row] = scales[row] * (q * (sbyte)w.Data[layout.GroupScaleOffset(row, column / WeightLayout.GroupInt4)]);
        }
    }
}
