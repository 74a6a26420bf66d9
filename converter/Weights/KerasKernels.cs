using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>Converts kernels of Keras and CuDNN to ONNX's layouts.</summary>
internal static class KerasKernels
{
    /// <summary>Converts [taps …, inputs, outputs] to [outputs, inputs, taps …].</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="isTurned">Whether to reverse the taps.</param>
    public static IrTensor ConvKernel(IrTensor kernel, bool isTurned = false)
    {
        var spatial = kernel.Shape.Length - 2;
        var moved = Permuted(kernel, [spatial + 1, spatial, .. Enumerable.Range(0, spatial)]);
        if (!isTurned) return moved;
        var floats = moved.Floats.ToArray();
        var taps = kernel.Shape[..spatial].Aggregate(1, (a, b) => a * b);
        for (var start = 0; start < floats.Length; start += taps) Array.Reverse(floats, start, taps);
        return IrTensor.Of<float>(moved.Shape, floats);
    }

    /// <summary>A tensor with its axes in another order.</summary>
    public static IrTensor Permuted(IrTensor tensor, ReadOnlySpan<int> order)
    {
        var rank = order.Length;
        var shape = new int[rank];
        var strides = new int[rank];
        for (var axis = 0; axis < rank; axis++)
        {
            shape[axis] = tensor.Shape[order[axis]];
            strides[axis] = tensor.Shape[(order[axis] + 1)..].Aggregate(1, (a, b) => a * b);
        }

        var from = tensor.Floats;
        var to = new float[from.Length];
        var index = new int[rank];
        var place = 0;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = from[place];
            for (var axis = rank - 1; axis >= 0; axis--)
            {
                place += strides[axis];
                if (++index[axis] < shape[axis]) break;
                place -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return IrTensor.Of<float>(shape, to);
    }

    /// <summary>
    /// Converts a kernel of a CuDNN layer to the usual form, gate by gate. The input kernel keeps its shape and is read as its transpose; the
    /// recurrent kernel is transposed.
    /// </summary>
    public static IrTensor FromCudnn(IrTensor kernel, int gates)
    {
        var (rows, columns) = (kernel.Shape[0], kernel.Shape[1]);
        var units = columns / gates;
        var from = kernel.Floats;
        var to = new float[from.Length];
        for (var gate = 0; gate < gates; gate++)
        {
            for (var i = 0; i < rows; i++)
            {
                for (var u = 0; u < units; u++)
                {
                    // Index of this element in the gate's own matrix [units, rows], which the file cuts into rows of another length.
                    var place = u * rows + i;
                    to[i * columns + gate * units + u] = from[place / units * columns + gate * units + place % units];
                }
            }
        }

        return IrTensor.Of<float>(kernel.Shape, to);
    }
}
