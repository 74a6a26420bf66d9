using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>What running one direction works on: its values, its places in scratch, and where it is.</summary>
internal sealed unsafe class RecurrentPass(NodeContext context, int direction, int firstWeight)
{
    public readonly int Direction = direction;
    public readonly Tensor X = context.Input(0);
    public readonly Tensor? Lengths = context.Optional(1);
    public readonly Tensor? FirstState = context.Optional(2);
    public readonly Tensor? Y = context.OptionalOutput(0);
    public readonly Tensor? LastState = context.OptionalOutput(1);
    public readonly Tensor? Input = context.Optional(firstWeight);
    public readonly Tensor Recurrence = context.Input(firstWeight + 1);
    public readonly Tensor? Bias = context.Optional(firstWeight + 2);

    /// <summary>The next step of one row, where <see cref="StepsWhole"/>.</summary>
    public RecurrentStep Whole;

    public KernelSet Kernels { get; } = context.Kernels;

    public Tensor? FirstCell { get; set; }

    public Tensor? LastCell { get; set; }

    public Tensor? PeepholeWeights { get; set; }

    public Tensor? Projection { get; set; }

    public int Steps { get; set; }

    public int Batch { get; set; }

    public int StateSize { get; set; }

    public int ChunkSteps { get; set; }

    /// <summary>Rows have different lengths: each step may see only some of them.</summary>
    public bool Ragged { get; set; }

    /// <summary>The state is the missing initial one: R·h is 0.</summary>
    public bool StateIsZero { get; set; }

    /// <summary>One kernel makes a whole step of one row, at least from its W·x.</summary>
    public bool StepsWhole { get; set; }

    /// <summary>There is one step of one row, and one kernel for all of it.</summary>
    public bool IsWhole { get; set; }

    /// <summary>The input product of the only step is still to be made.</summary>
    public bool IsInputPending { get; set; }

    /// <summary>The fused cell kernel computes this layer's equations.</summary>
    public bool IsFused { get; set; }

    /// <summary>The equations keep a state in [-1, 1] that is there.</summary>
    public bool IsBounding { get; set; }

    /// <summary>The scratch that the places below lie in; null before they are known.</summary>
    public byte* Scratch { get; set; }

    public float* InputBias { get; set; }

    public float* Gates { get; set; }

    public float* State { get; set; }

    /// <summary>Planes of single gates, where the cell is composed.</summary>
    public float* Work { get; set; }

    public float* Constants { get; set; }

    public float* Cell { get; set; }

    public float* CellOut { get; set; }

    public float* CellScratch { get; set; }

    public float* Peephole { get; set; }

    public float* Projected { get; set; }

    public float* Recurrent { get; set; }

    public float* Reset { get; set; }

    /// <summary>Bias of the recurrent product, where it has one of its own.</summary>
    public float* RecurrentBias { get; set; }

    public byte* Product { get; set; }

    public byte* SingleProduct { get; set; }

    /// <summary>The next step of one row in one kernel, from its W·x with the bias; a state that stays in its place goes by way of <paramref name="spare"/>.</summary>
    public void StepFrom(float* gates, float* h, float* hOut, float* spare)
    {
        Whole.Bias = gates;
        Whole.Hidden = h;
        Whole.HiddenOut = hOut == h ? spare : hOut;
        Whole.IsDescending = !Whole.IsDescending;
        Kernels.WholeStep(Whole);
        if (Whole.HiddenOut != hOut) CopyState(Whole.HiddenOut, hOut);
    }

    /// <summary>The only step of the only row, all of it in one kernel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void StepOnce()
    {
        var offset = Direction * (nint)StateSize;
        var y = Y is { } all ? all.Floats + offset : null;
        var to = LastState is { } last ? last.Floats + offset : y != null ? y : State;
        Whole.X = X.Floats;
        Whole.Bias = Input is null ? X.Floats + Direction * Recurrence.Layout.Rows : Bias is { } bias ? bias.Floats : null;
        Whole.Hidden = FirstState!.Floats + offset;
        Whole.HiddenOut = to;
        Whole.IsDescending = !Whole.IsDescending;
        if (FirstCell is { } cell)
        {
            Whole.Cell = cell.Floats + offset;
            Whole.CellOut = LastCell is { } lastCell ? lastCell.Floats + offset : CellScratch;
        }

        Kernels.WholeStep(Whole);
        if (y != null && y != to) CopyState(to, y);
    }

    private void CopyState(float* from, float* to) => Buffer.MemoryCopy(from, to, (long)StateSize * sizeof(float), (long)StateSize * sizeof(float));
}
