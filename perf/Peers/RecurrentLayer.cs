using System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// One LSTM or GRU layer with random weights. Inputs: X [steps, batch, input] and the initial states. Outputs: Y and the last states.
/// </summary>
/// <param name="Op">LSTM or GRU.</param>
/// <param name="Input">Inputs of a step.</param>
/// <param name="Hidden">Units.</param>
/// <param name="Steps">Time steps of a run.</param>
/// <param name="Batch">Streams stepped together.</param>
internal sealed record RecurrentLayer(string Op, int Input, int Hidden, int Steps = 1, int Batch = 1)
{
    private const int Seed = 7;

    /// <summary>
    /// The largest magnitude of a quantized weight. Without a dot product instruction, ONNX Runtime adds two products in 16 bits and saturates;
    /// its documentation then tells users to quantize to 7 bits (<c>reduce_range</c>).
    /// </summary>
    private static readonly int s_largest = HasDotProduct() ? 127 : 63;

    public int Gates => Op == "LSTM" ? 4 : 3;

    public string[] States => Op == "LSTM" ? ["h", "c"] : ["h"];

    public long[] InputShape => [Steps, Batch, Input];

    public long[] OutputShape => [Steps, 1, Batch, Hidden];

    public long[] StateShape => [1, Batch, Hidden];

    /// <summary>Multiplications of one run.</summary>
    public long Macs => (long)Gates * Hidden * (Input + Hidden) * Steps * Batch;

    /// <summary>The layer as ONNX defines it, in fp32.</summary>
    public byte[] Float32() => Write((writer, w, r) =>
    {
        writer.Node(Op, ["X", "W", "R", "B", "", .. States], ["Y", .. States.Select(s => s + "_out")], "", Attributes());
        writer.Tensor("W", w, 1, Gates * Hidden, Input);
        writer.Tensor("R", r, 1, Gates * Hidden, Hidden);
    });

    /// <summary>
    /// The same layer as ONNX Runtime's DynamicQuantizeLSTM: int8 weights, symmetric, one scale for each matrix, the default of its own
    /// quantizer. With one scale for each output, which we store, it takes 5 to 10 % longer.
    /// </summary>
    public byte[] DynamicQuantized() => Write((writer, w, r) =>
    {
        writer.Node(
            "DynamicQuantizeLSTM",
            ["X", "W", "R", "B", "", .. States, "", "W_scale", "W_zero", "R_scale", "R_zero"],
            ["Y", .. States.Select(s => s + "_out")],
            OnnxWriter.Microsoft,
            Attributes());
        Quantized(writer, "W", w, Input);
        Quantized(writer, "R", r, Hidden);
    });

    /// <summary>
    /// The random weights: W, gates × units rows of inputs; R, as many rows of units; the biases of W, then those of R. The gates are in ONNX's order.
    /// </summary>
    public (float[] W, float[] R, float[] Biases) Weights()
    {
        var random = new Random(Seed);
        var scale = 1 / MathF.Sqrt(Hidden);
        float[] Some(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) * scale)];
        return (Some(Gates * Hidden * Input), Some(Gates * Hidden * Hidden), Some(2 * Gates * Hidden));
    }

    private (string, long)[] Attributes() => Op == "GRU" ? [("hidden_size", Hidden), ("linear_before_reset", 1)] : [("hidden_size", Hidden)];

    private byte[] Write(Action<OnnxWriter, float[], float[]> layer)
    {
        var (w, r, bias) = Weights();
        var writer = new OnnxWriter();
        layer(writer, w, r);
        writer.Tensor("B", bias, 1, 2 * Gates * Hidden);
        writer.Input("X", OnnxWriter.Float, Steps, Batch, Input);
        foreach (var state in States) writer.Input(state, OnnxWriter.Float, 1, Batch, Hidden);
        writer.Output("Y", OnnxWriter.Float, Steps, 1, Batch, Hidden);
        foreach (var state in States) writer.Output(state + "_out", OnnxWriter.Float, 1, Batch, Hidden);
        return writer.ToArray();
    }

    /// <summary>Quantizes rows × columns and stores the transpose, [1, columns, rows], which the operator needs.</summary>
    private void Quantized(OnnxWriter writer, string name, float[] weights, int columns)
    {
        var rows = Gates * Hidden;
        var scale = weights.Max(Math.Abs) / s_largest;
        var quantized = new sbyte[weights.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) quantized[k * rows + row] = (sbyte)MathF.Round(weights[row * columns + k] / scale);
        }

        writer.Tensor(name, quantized, 1, columns, rows);
        writer.Tensor(name + "_scale", [scale], 1);
        writer.Tensor(name + "_zero", new sbyte[1], 1);
    }

    /// <summary>Whether the processor multiplies bytes into 32 bits: AVX-VNNI or AVX512-VNNI on x64 (leaf 7 of CPUID); all others do not saturate.</summary>
    private static bool HasDotProduct() =>
        !X86Base.IsSupported || (X86Base.CpuId(7, 0).Ecx >> 11 & 1) != 0 || (X86Base.CpuId(7, 1).Eax >> 4 & 1) != 0;
}
