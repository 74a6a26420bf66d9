using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>What one node of one session works with; made once when the session is created, so running allocates nothing.</summary>
internal sealed unsafe class NodeContext(KernelSet kernels, Tensor?[] inputs, Tensor?[] outputs)
{
    public KernelSet Kernels { get; } = kernels;

    /// <summary>Number of declared inputs, left-out ones included.</summary>
    public int InputCount => inputs.Length;

    public int OutputCount => outputs.Length;

    /// <summary>Scratch of at least the bytes that the operator asked for at the largest sizes; 64-byte aligned, contents arbitrary.</summary>
    public byte* Scratch { get; set; }

    /// <summary>What the operator keeps for this node of this session: made at the first inference, so that running allocates nothing.</summary>
    public object? Kept { get; set; }

    /// <summary>A required input.</summary>
    public Tensor Input(int index) => Optional(index) ?? throw OperatorError.Missing(index);

    /// <summary>An input that may be left out.</summary>
    public Tensor? Optional(int index) => index < inputs.Length ? inputs[index] : null;

    /// <summary>A required output.</summary>
    public Tensor Output(int index) => OptionalOutput(index) ?? throw OperatorError.Arity($"Required output {index} is missing.");

    /// <summary>An output that nothing reads may be left out.</summary>
    public Tensor? OptionalOutput(int index) => index < outputs.Length ? outputs[index] : null;

    /// <summary>An input whose value must be known while shapes are inferred.</summary>
    public Tensor Known(int index)
    {
        var tensor = Input(index);
        return tensor.IsKnown ? tensor : throw OperatorError.Unknown(tensor);
    }
}
