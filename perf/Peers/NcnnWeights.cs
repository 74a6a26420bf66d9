namespace SeqRuntime.Perf.Peers;

/// <summary>
/// One LSTM or GRU layer in ncnn's files. The .bin file (<c>load_model</c> in ncnn's <c>src/layer/lstm.cpp</c> and <c>gru.cpp</c>) has W, biases, R; for
/// int8 also the scales of W's and R's rows. ncnn's own quantizer takes one scale for each row, and so does this one.
/// </summary>
internal static class NcnnWeights
{
    /// <summary>Stands before fp32 values.</summary>
    public const int Float32Tag = 0;

    /// <summary>Stands before int8 values.</summary>
    public const int Int8Tag = 0x000D4B38;

    private const int Largest = 127;

    /// <summary>What ncnn's quantizer writes as a layer's parameter 8.</summary>
    private const int ScaleOfEachRow = 2;

    /// <summary>ncnn's order of the gates (input, forget, output, cell), as indices of ONNX's (input, output, forget, cell).</summary>
    private static readonly int[] s_lstm = [0, 2, 1, 3];

    /// <summary>ncnn's order of the gates (reset, update, new), as indices of ONNX's (update, reset, new).</summary>
    private static readonly int[] s_gru = [1, 0, 2];

    /// <summary>The text of a .param file with an input and this layer, under the name of a type that gives it.</summary>
    public static string Graph(RecurrentLayer layer, bool isInt8, string type) =>
        $"7767517\n2 2\nInput input 0 1 x\n{type} layer 1 1 x y 0={layer.Hidden} 1={layer.Gates * layer.Hidden * layer.Input}{(isInt8 ? $" 8={ScaleOfEachRow}" : "")}\n";

    /// <summary>The bytes of a .bin file with only this layer.</summary>
    public static byte[] Write(RecurrentLayer layer, bool isInt8)
    {
        var (w, r, bias) = layer.Weights();
        var order = layer.Op == "LSTM" ? s_lstm : s_gru;
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        float[] scales = [.. Matrix(writer, InOrder(w, order, layer.Input), layer.Input, isInt8)];
        writer.Write(Float32Tag);
        Floats(writer, Biases(layer, order, bias));
        scales = [.. scales, .. Matrix(writer, InOrder(r, order, layer.Hidden), layer.Hidden, isInt8)];
        Floats(writer, scales);
        return stream.ToArray();

        float[] InOrder(float[] matrix, int[] gates, int columns) => [.. gates.SelectMany(gate => matrix.AsSpan(gate * layer.Hidden * columns, layer.Hidden * columns).ToArray())];
    }

    /// <summary>Four rows: the sum of both biases of each gate; but the GRU's new gate keeps them apart, since it multiplies only one by the reset gate.</summary>
    private static IEnumerable<float> Biases(RecurrentLayer layer, int[] order, float[] bias)
    {
        foreach (var gate in order)
        {
            var input = bias.Skip(gate * layer.Hidden).Take(layer.Hidden);
            var recurrent = bias.Skip((layer.Gates + gate) * layer.Hidden).Take(layer.Hidden);
            foreach (var value in layer.Op == "GRU" && gate == 2 ? input.Concat(recurrent) : input.Zip(recurrent, (a, b) => a + b)) yield return value;
        }
    }

    /// <summary>Writes a matrix.</summary>
    /// <returns>What each row was multiplied by; nothing for fp32.</returns>
    private static List<float> Matrix(BinaryWriter writer, float[] weights, int columns, bool isInt8)
    {
        var scales = new List<float>();
        writer.Write(isInt8 ? Int8Tag : Float32Tag);
        if (!isInt8) Floats(writer, weights);
        else
        {
            foreach (var row in weights.Chunk(columns))
            {
                var scale = Largest / row.Max(Math.Abs);
                scales.Add(scale);
                foreach (var weight in row) writer.Write((sbyte)MathF.Round(weight * scale));
            }

            // Blocks of int8 values end at a multiple of four bytes.
            while (writer.BaseStream.Position % 4 != 0) writer.Write((byte)0);
        }

        return scales;
    }

    private static void Floats(BinaryWriter writer, IEnumerable<float> values)
    {
        foreach (var value in values) writer.Write(value);
    }
}
