namespace SeqRuntime.Operators;

/// <summary>What the equations of a recurrent layer are made of, beside the input product W·x + b.</summary>
internal readonly struct RecurrentForm
{
    /// <summary>Rows of W and R for each unit.</summary>
    public required int Gates { get; init; }

    /// <summary>Inputs of each direction: W, R, bias, then vectors over the units (from slot 3) and a projection (slot 4) where the layer has them.</summary>
    public required int Weights { get; init; }

    /// <summary>There is a hidden state, which R multiplies. Without it R is left out, and what the layer puts out goes into no later step.</summary>
    public bool HasHidden { get; init; }

    /// <summary>There is a cell state, which goes from step to step without a product.</summary>
    public bool HasCell { get; init; }

    /// <summary>The bias has two rows: the second is added to R·h.</summary>
    public bool HasTwoBiases { get; init; }

    /// <summary>Each step begins with all of R·h, so that a single row's W·x may be computed beside it, block by block.</summary>
    public bool BeginsWithRecurrence { get; init; }

    /// <summary>A step only reads W·x + b, so X is used in its place where it holds them.</summary>
    public bool KeepsGates { get; init; }

    /// <summary>Initial states among the inputs, from 2 on, and last states among the outputs, from 1 on: the hidden state, then the cell state.</summary>
    public int States => (HasHidden ? 1 : 0) + (HasCell ? 1 : 0);

    /// <summary>Index of the first direction's W.</summary>
    public int FirstWeight => 2 + States;
}

/// <summary>How the cell of a step is computed. Every mode gives the same bits.</summary>
internal enum RecurrentMode : byte
{
    /// <summary>From single kernels, for whatever no other mode has.</summary>
    Composed,

    /// <summary>By one kernel, after the products.</summary>
    Fused,

    /// <summary>As <see cref="Fused"/>, but a row that is alone in its step takes one kernel for R·h and the cell together.</summary>
    WholeStep,
}

/// <summary>How a run goes over its steps.</summary>
internal enum RecurrentRun : byte
{
    /// <summary>All rows step together.</summary>
    Sequence,

    /// <summary>Rows have different lengths, so a step may run only some of them.</summary>
    Ragged,

    /// <summary>One step of one row, whose W·x is computed beside its R·h.</summary>
    OneStep,

    /// <summary>One step of one row in one kernel, W·x included where it takes such a W.</summary>
    OneKernel,
}
