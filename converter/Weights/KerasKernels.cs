using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>Converts kernels of Keras and CuDNN to ONNX's layouts.</summary>
internal static class KerasKernels
{
    /// <summary>Converts [taps, inputs, outputs] to [outputs, inputs, taps].</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="isTurned">Whether to reverse the taps.</param>
    public static IrTensor ConvKernel(IrTensor kernel, bool isTurned = false)
    {
        var (taps, inputs, outputs) = (kernel.Shape[0], kernel.Shape[1], kernel.Shape[2]);
        var from = kernel.Floats;
        var to = new float[from.Length];
        for (var k = 0; k < taps; k++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var o = 0; o < outputs; o++) to[(o * inputs + i) * taps + (isTurned ? taps - 1 - k : k)] = from[(k * inputs + i) * outputs + o];
            }
        }

        return IrTensor.Of<float>([outputs, inputs, taps], to);
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
