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
        var moved = kernel.Permuted([spatial + 1, spatial, .. Enumerable.Range(0, spatial)]);
        if (!isTurned) return moved;
        var floats = moved.Floats.ToArray();
        var taps = kernel.Shape[..spatial].Aggregate(1, (a, b) => a * b);
        for (var start = 0; start < floats.Length; start += taps) Array.Reverse(floats, start, taps);
        return IrTensor.Of<float>(moved.Shape, floats);
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
