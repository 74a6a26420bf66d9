using SeqRuntime.Converter.IO;

namespace SeqRuntime.Perf.Peers;

/// <summary>The encoder and decoder step of a search in ONNX: names and sizes of their values.</summary>
/// <param name="Encoder">The encoder: source [1, T] to the initial state, and the memory if there is one.</param>
/// <param name="Step">The step: token [1, 1] and state [1, 1, hidden] to logits [1, vocabulary] and the next state.</param>
/// <param name="Source">The encoder's input.</param>
/// <param name="Length">Its length input, or null.</param>
/// <param name="First">The encoder's output that is the initial state.</param>
/// <param name="FirstShape">Its shape.</param>
/// <param name="Memory">The encoder's output that the step attends to, with the same name in both. Null if there is none.</param>
/// <param name="Mask">The step's mask over the memory, or null.</param>
/// <param name="Token">The step's token input.</param>
/// <param name="State">The step's state input.</param>
/// <param name="Logits">The step's logits.</param>
/// <param name="NextState">The step's next state.</param>
/// <param name="Vocabulary">Number of tokens.</param>
/// <param name="Hidden">Elements of a state.</param>
/// <param name="Begin">First token.</param>
/// <param name="End">Token that ends a result.</param>
/// <param name="MaxTokens">Longest result.</param>
internal sealed record OrtDecoderGraphs(
    byte[] Encoder,
    byte[] Step,
    string Source,
    string? Length,
    string First,
    long[] FirstShape,
    string? Memory,
    string? Mask,
    string Token,
    string State,
    string Logits,
    string NextState,
    int Vocabulary,
    int Hidden,
    int Begin,
    int End,
    int MaxTokens)
{
    /// <summary>thai2rom's own two files.</summary>
    public static OrtDecoderGraphs Thai2rom(string folder) => new(
        File.ReadAllBytes(Path.Combine(folder, "thai2rom_encoder.onnx")),
        File.ReadAllBytes(Path.Combine(folder, "thai2rom_decoder.onnx")),
        "input_tensor",
        "input_lengths",
        "encoder_hidden_1",
        [2, 1, 128],
        "encoder_outputs",
        "mask",
        "decoder_input",
        "decoder_hidden_1",
        "decoder_output",
        "decoder_hidden_2",
        40,
        256,
        1,
        2,
        100);

    /// <summary>g2p_en, whose weights have no ONNX files.</summary>
    public static OrtDecoderGraphs G2pEn(string folder)
    {
        var arrays = NpzFile.ReadFile(Path.Combine(folder, "checkpoint20.npz")).ToDictionary(a => a.Key, a => a.Value);
        return new(G2pGraphs.Encoder(arrays), G2pGraphs.Step(arrays, 1), "letters", null, "last", [1, 1, 256], null, null, "previous", "hidden", "logits", "hidden_out", 74, 256, 2, 3, 20);
    }

    /// <summary>The same for batches of words: letters [T, N] padded, and their lengths [N].</summary>
    public static OrtDecoderGraphs G2pEnBatches(string folder)
    {
        var arrays = NpzFile.ReadFile(Path.Combine(folder, "checkpoint20.npz")).ToDictionary(a => a.Key, a => a.Value);
        return new(G2pGraphs.BatchEncoder(arrays), G2pGraphs.Step(arrays, -1), "letters", "lengths", "last", [1, -1, 256], null, null, "previous", "hidden", "logits", "hidden_out", 74, 256, 2, 3, 20);
    }
}

/// <summary>
/// g2p_en's encoder and decoder step as ONNX models, made from the arrays of its <c>checkpoint20.npz</c>. The arrays follow PyTorch's
/// conventions: gates reset, update, new, with the hidden bias of new inside the reset product. ONNX has another gate order.
/// </summary>
internal static class G2pGraphs
{
    private const int Hidden = 256;
    private const int Vocabulary = 74;

    /// <summary>From letters [1, T] to last [1, 1, 256].</summary>
    public static byte[] Encoder(IReadOnlyDictionary<string, NpyArray> arrays)
    {
        var writer = new OnnxWriter();
        writer.Input("letters", OnnxWriter.Int64, 1, -1);
        writer.Output("last", OnnxWriter.Float, 1, 1, Hidden);
        writer.Tensor("embedding", Floats(arrays, "enc_emb"), 29, Hidden);
        writer.Tensor("letters_first", [-1L, 1, Hidden], 3);
        writer.Node("Gather", ["embedding", "letters"], ["embedded"]);
        writer.Node("Reshape", ["embedded", "letters_first"], ["steps"]);
        Gru(writer, arrays, "enc", "steps", "", "all", "last");
        return writer.ToArray();
    }

    /// <summary>From letters [T, N] and lengths [N] to last [1, N, 256].</summary>
    public static byte[] BatchEncoder(IReadOnlyDictionary<string, NpyArray> arrays)
    {
        var writer = new OnnxWriter();
        writer.Input("letters", OnnxWriter.Int64, -1, -1);
        writer.Input("lengths", OnnxWriter.Int32, -1);
        writer.Output("last", OnnxWriter.Float, 1, -1, Hidden);
        writer.Tensor("embedding", Floats(arrays, "enc_emb"), 29, Hidden);
        writer.Node("Gather", ["embedding", "letters"], ["embedded"]);
        Gru(writer, arrays, "enc", "embedded", "", "all", "last", "lengths");
        return writer.ToArray();
    }

    /// <summary>From previous [1, rows] and hidden [1, rows, 256] to logits [rows, 74] and hidden_out; -1 rows are any number.</summary>
    public static byte[] Step(IReadOnlyDictionary<string, NpyArray> arrays, int rows)
    {
        var writer = new OnnxWriter();
        writer.Input("previous", OnnxWriter.Int32, 1, rows);
        writer.Input("hidden", OnnxWriter.Float, 1, rows, Hidden);
        writer.Output("logits", OnnxWriter.Float, rows, Vocabulary);
        writer.Output("hidden_out", OnnxWriter.Float, 1, rows, Hidden);
        writer.Tensor("embedding", Floats(arrays, "dec_emb"), Vocabulary, Hidden);
        writer.Node("Gather", ["embedding", "previous"], ["embedded"]);
        Gru(writer, arrays, "dec", "embedded", "hidden", "all", "hidden_out");
        writer.Tensor("row", [(long)rows, Hidden], 2);
        writer.Node("Reshape", ["hidden_out", "row"], ["features"]);
        writer.Tensor("fc_w", Floats(arrays, "fc_w"), Vocabulary, Hidden);
        writer.Tensor("fc_b", Floats(arrays, "fc_b"), Vocabulary);
        writer.Node("Gemm", ["features", "fc_w", "fc_b"], ["logits"], "", ("transB", 1));
        return writer.ToArray();
    }

    private static void Gru(OnnxWriter writer, IReadOnlyDictionary<string, NpyArray> arrays, string prefix, string input, string initial, string all, string last, string lengths = "")
    {
        writer.Tensor("W", Gates(Floats(arrays, prefix + "_w_ih"), Hidden), 1, 3 * Hidden, Hidden);
        writer.Tensor("R", Gates(Floats(arrays, prefix + "_w_hh"), Hidden), 1, 3 * Hidden, Hidden);
        writer.Tensor("B", [.. Gates(Floats(arrays, prefix + "_b_ih"), 1), .. Gates(Floats(arrays, prefix + "_b_hh"), 1)], 1, 6 * Hidden);
        writer.Node("GRU", [input, "W", "R", "B", lengths, initial], [all, last], "", ("hidden_size", Hidden), ("linear_before_reset", 1));
    }

    /// <summary>Reorders gates from reset, update, new to ONNX's update, reset, new.</summary>
    private static float[] Gates(float[] rows, int columns)
    {
        var gate = Hidden * columns;
        return [.. rows[gate..(2 * gate)], .. rows[..gate], .. rows[(2 * gate)..]];
    }

    private static float[] Floats(IReadOnlyDictionary<string, NpyArray> arrays, string name) => arrays[name].ToFloats();
}
