using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Rows of a packed weight matrix by index: Y[indices…, k] = W[index, k].
/// </summary>
/// <remarks>
/// Inputs: W packed [rows, columns] (int8 and int4 rows are multiplied by their scales), indices int32 or int64 of any shape, in
/// [-rows, rows): a negative one counts from the end. Output: Y fp32 [indices…, columns].
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

    public override void Execute(NodeContext context)
    {
        var w = context.Input(0);
        var indices = context.Input(1);
        var y = context.Output(0).Floats;
        int rows = w.Layout.Rows, columns = w.Layout.Columns;
        for (var i = 0; i < indices.Count; i++)
        {
            var index = indices.Integer(i);
            if (index < -rows || index >= rows) throw OperatorError.Value($"'{indices.Name}' holds the index {index}; expected {-rows} to {rows - 1}.");
            var row = (int)(index < 0 ? index + rows : index);
            switch (w.Format)
            {
                case TensorFormat.PackedFloat32: CopyFloats<Float32Weights<Scalar, float, int>, float>(w, row, y, columns); break;
                case TensorFormat.PackedFloat16: CopyFloats<Float16Weights<Scalar, float, int>, short>(w, row, y, columns); break;
                case TensorFormat.PackedInt8 or TensorFormat.NarrowInt8: CopyInt8(w, row, y, columns); break;
                default: CopyInt4(w, row, y, columns); break;
            }

            y += columns;
        }
    }

    private static void CopyFloats<W, T>(Tensor w, int row, float* y, int columns)
        where W : struct, IWeights<T, float, int>
        where T : unmanaged
    {
        var source = (T*)(w.Data + w.Layout.Offset(row, 0));
        var width = w.Layout.Width(row);
        for (nint k = 0; k < columns; k++) y[k] = W.Load(source + k * width, W.Kept(1));
    }

    private static void CopyInt8(Tensor w, int row, float* y, int columns)
    {
        const int Inner = WeightLayout.InnerInt8;
        var scale = w.Scales(0)[row];
        var source = (sbyte*)w.Data + w.Layout.Offset(row, 0);
        var group = w.Layout.Width(row) * Inner;
        for (nint k = 0; k < columns; k++) y[k] = scale * source[k / Inner * group + k % Inner];
    }

    private static void CopyInt4(Tensor w, int row, float* y, int columns)
    {
        var layout = w.Layout;
        var scale = w.Scales(0)[row];
        for (var k = 0; k < columns; k++)
        {
            var q = (w.Data[layout.Int4Offset(row, k, out var shift)] >> shift & 15) - 8;
            y[k] = scale * (q * (sbyte)w.Data[layout.GroupScaleOffset(row, k / WeightLayout.GroupInt4)]);
        }
    }
}
