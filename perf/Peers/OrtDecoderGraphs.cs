using SeqRuntime.Converter.IO;
using SeqRuntime.Perf.Onnx;

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
        return new(G2pGraphs.Encoder(arrays), G2pGraphs.Step(arrays), "letters", null, "last", [1, 1, 256], null, null, "previous", "hidden", "logits", "hidden_out", 74, 256, 2, 3, 20);
    }
}
