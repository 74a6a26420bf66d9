using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// One node's computation. Attributes are parsed and checked once at load; then it is immutable and shared by all sessions. Each operator has
/// one file, with formula, shapes, limits and source in its summary.
/// </summary>
internal abstract class Operator
{
    /// <summary>
    /// Checks the types and shapes of inputs and sets those of outputs. It reads the content only of inputs taken with
    /// <see cref="NodeContext.Known"/>. Allocates nothing. After it, <see cref="Execute"/> can fail only because of index values (Gather and the
    /// like), which Execute checks.
    /// </summary>
    public abstract void Infer(NodeContext context);

    /// <summary>Scratch bytes for the inferred shapes. The number must not grow when a dimension shrinks.</summary>
    public virtual long ScratchBytes(NodeContext context) => 0;

    /// <summary>Whether the node may need scratch at some sizes, whatever the inferred shapes are. Every operator with <see cref="ScratchBytes"/> says so.</summary>
    public virtual bool UsesScratch(NodeContext context) => false;

    /// <summary>
    /// Whether the scratch that <paramref name="before"/>, a node of an operator of this type, leaves holds what this operator would prepare for
    /// <paramref name="own"/>, another node with the same scratch.
    /// </summary>
    public virtual bool SharesPreparation(NodeContext before, NodeContext own) => false;

    /// <summary>
    /// An estimate of the operations of <see cref="Execute"/> for the inferred shapes. One operation is as long as a plain one on a number, a
    /// nanosecond on a server; a multiply-accumulate in full lanes counts a 16th. It limits the time of hostile graphs, so overestimate.
    /// </summary>
    public virtual double Work(NodeContext context)
    {
        var work = OutputWork(context);
        for (var i = 0; i < context.InputCount; i++)
        {
            if (context.Optional(i) is { Format: TensorFormat.Dense } input) work += input.Shape.Extent;
        }

        return work;
    }

    /// <summary>One operation for each element of the outputs.</summary>
    protected static double OutputWork(NodeContext context)
    {
        var work = 0.0;
        for (var o = 0; o < context.OutputCount; o++) work += context.OptionalOutput(o)?.Shape.Extent ?? 0;
        return work;
    }

    /// <summary>Computes the outputs. Allocates nothing.</summary>
    public abstract void Execute(NodeContext context);

    /// <summary>Whether output 0 is input 0's memory with another shape (Reshape and similar). The planner then gives both the same memory and does not run the node.</summary>
    public virtual bool IsView => false;

    /// <summary>The same for the inferred shapes and all smaller ones. A Transpose that moves only dimensions of size 1 is a view too.</summary>
    public virtual bool IsViewAt(NodeContext context) => IsView;

    /// <summary>Whether output 0 may overwrite input <paramref name="input"/> if both have the same size (elementwise operators).</summary>
    public virtual bool CanOverwrite(int input) => false;

    /// <summary>Whether the node may run when shapes are inferred, if all its inputs are known: for cheap operators on few integers that compute shapes.</summary>
    public virtual bool CanRunAtInference => false;

    /// <summary>Whether outputs depend on input shapes only (Shape, Size), so that they are known at inference for any input.</summary>
    public virtual bool DependsOnShapesOnly => false;

    /// <summary>How input <paramref name="input"/> is used, if it may be weights.</summary>
    public virtual WeightUse UseOf(int input) => WeightUse.None;

    /// <summary>Whether one of <paramref name="inputs"/> inputs may be weights that each run reads completely.</summary>
    public bool Multiplies(int inputs)
    {
        for (var i = 0; i < inputs; i++)
        {
            if (UseOf(i) is WeightUse.Product or WeightUse.Recurrence) return true;
        }

        return false;
    }

    /// <summary>
    /// Treats many streams of the node as one larger node. True, with a layout for each value, if streams do not affect each other's bits.
    /// Operators that may refuse an input's content (an index out of range, an integer division by 0, a sequence length) run stream after
    /// stream, so that the error can name the stream.
    /// </summary>
    public virtual bool TryBatch(in Batching batch) => false;
}
