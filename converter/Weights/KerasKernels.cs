using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>Kernels as Keras and CuDNN save them, in the layouts of ONNX.</summary>
internal static class KerasKernels
{
    /// <summary>[taps, inputs, outputs] to [outputs, inputs, taps].</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="isTurned">The taps are in the opposite order.</param>
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
    /// A kernel as CuDNN's layers save it to the form of all others, gate by gate: that of the input keeps its shape and is read
    /// as its transpose, that of the state is transposed.
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
                    // Place of this element in the gate's own matrix [units, rows], row after row, which has been cut into rows of the wrong length.
                    var place = u * rows + i;
                    to[i * columns + gate * units + u] = from[place / units * columns + gate * units + place % units];
                }
            }
        }

        return IrTensor.Of<float>(kernel.Shape, to);
    }
}
