using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>The values and memory of one node in one session. It is made when the session is created, so that running allocates nothing.</summary>
internal sealed unsafe class NodeContext(KernelSet kernels, Tensor?[] inputs, Tensor?[] outputs)
{
    public KernelSet Kernels { get; } = kernels;

    /// <summary>The number of declared inputs, including omitted ones.</summary>
    public int InputCount => inputs.Length;

    public int OutputCount => outputs.Length;

    /// <summary>Scratch memory of at least the size that the operator requested at the largest sizes. 64-byte aligned, with arbitrary content.</summary>
    public byte* Scratch { get; set; }

    /// <summary>Whether <see cref="Scratch"/> still holds what an earlier node of the run prepared from the same input (<see cref="Operator.SharesPreparation"/>).</summary>
    public bool IsPrepared { get; set; }

    /// <summary>Data that the operator keeps for this node of this session. It is made at the first inference, so that running allocates nothing.</summary>
    public object? Kept { get; set; }

    /// <summary>A required input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor Input(int index) => Optional(index) ?? throw OperatorError.Missing(index);

    /// <summary>An optional input. Null if omitted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor? Optional(int index) => index < inputs.Length ? inputs[index] : null;

    /// <summary>A required output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor Output(int index) => OptionalOutput(index) ?? throw OperatorError.Arity($"Required output {index} is missing.");

    /// <summary>An optional output. Null if nothing reads it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor? OptionalOutput(int index) => index < outputs.Length ? outputs[index] : null;

    /// <summary>An input whose value must be known when shapes are inferred.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Tensor Known(int index)
    {
        var tensor = Input(index);
        return tensor.IsKnown ? tensor : throw OperatorError.Unknown(tensor);
    }
}
