using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>The weights of one recurrent layer in the runtime's order of gates.</summary>
/// <param name="Layer">Its name.</param>
/// <param name="Op">Its kind.</param>
/// <param name="W">[gates · H, inputs].</param>
/// <param name="R">[gates · H, H].</param>
internal sealed record RecurrentCells(string Layer, RecurrentOp Op, IrTensor W, IrTensor R)
{
    /// <summary>[gates · H], or null.</summary>
    public IrTensor? InputBias { get; init; }

    /// <summary>The same of the recurrent product.</summary>
    public IrTensor? HiddenBias { get; init; }

    /// <summary>Whether a GRU's reset gate acts on the recurrent product, as in PyTorch.</summary>
    public bool IsResetAfter { get; init; } = true;

    /// <summary>ONNX's names of the functions, if they are not the usual ones.</summary>
    public string[]? Activations { get; init; }

    /// <summary>The first values of the states, if they are not zero.</summary>
    public IrTensor[]? First { get; init; }

    public int Hidden => R.Shape[1];

    public string NameOf(string weight) => $"{Layer}.{weight}";

    /// <summary>The kinds by their number of gates.</summary>
    public static RecurrentOp? Kind(long rows, long hidden) =>
        hidden < 1 || rows % hidden != 0 ? null : (rows / hidden) switch { 4 => RecurrentOp.Lstm, 3 => RecurrentOp.Gru, 1 => RecurrentOp.Rnn, _ => null };

    /// <summary>From Keras' matrices [inputs, gates · H] and [H, gates · H] and rows of biases.</summary>
    public static RecurrentCells OfKeras(string layer, RecurrentOp op, IrTensor kernel, IrTensor recurrent, params IrTensor?[] biases) =>
        new(layer, op, GateOrder.OfKeras(kernel.Transposed(), op.Gates), GateOrder.OfKeras(recurrent.Transposed(), op.Gates))
        {
            InputBias = biases.ElementAtOrDefault(0) is { } input ? GateOrder.OfKeras(input, op.Gates) : null,
            HiddenBias = biases.ElementAtOrDefault(1) is { } hidden ? GateOrder.OfKeras(hidden, op.Gates) : null,
        };

    /// <summary>Both biases side by side, [1, 2 · gates · H]. Null if there is none.</summary>
    public IrTensor? Biases()
    {
        var rows = W.Shape[0];
        return InputBias is null && HiddenBias is null ? null : IrTensor.Of<float>([1, 2 * rows], [.. InputBias?.ToFloats() ?? new float[rows], .. HiddenBias?.ToFloats() ?? new float[rows]]);
    }
}
