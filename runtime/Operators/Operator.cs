using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// One node's computation: attributes parsed and checked once at load, immutable afterwards, shared by all sessions.
/// One file an operator; formula, shapes, limits and source in its summary.
/// </summary>
internal abstract class Operator
{
    /// <summary>
    /// Checks input types and shapes and sets every output's. Reads contents only of inputs taken with
    /// <see cref="NodeContext.Known"/>. Allocates nothing. Must leave nothing for <see cref="Execute"/> to go wrong on, except
    /// index values (Gather and the like), which Execute checks.
    /// </summary>
    public abstract void Infer(NodeContext context);

    /// <summary>Scratch needed for the shapes just inferred. Must not grow when a dimension shrinks.</summary>
    public virtual long ScratchBytes(NodeContext context) => 0;

    /// <summary>
    /// About how many operations <see cref="Execute"/> takes for the shapes just inferred, each as long as a plain one on a number (a
    /// nanosecond on a server); a multiply-accumulate in full lanes counts a 16th. Bounds the time of hostile graphs, so rather too many.
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

    /// <summary>An operation for each element of the outputs.</summary>
    protected static double OutputWork(NodeContext context)
    {
        var work = 0.0;
        for (var o = 0; o < context.OutputCount; o++) work += context.OptionalOutput(o)?.Shape.Extent ?? 0;
        return work;
    }

    /// <summary>Computes the outputs. Allocates nothing.</summary>
    public abstract void Execute(NodeContext context);

    /// <summary>True where output 0 is input 0's memory under another shape (Reshape and its family): the planner gives both the same bytes and does not run it.</summary>
    public virtual bool IsView => false;

    /// <summary>The same for the shapes just inferred and all smaller ones: a Transpose that moves only dimensions of size 1 is a view too.</summary>
    public virtual bool IsViewAt(NodeContext context) => IsView;

    /// <summary>True where output 0 may be written over input <paramref name="input"/> when both have the same size (elementwise operators).</summary>
    public virtual bool CanOverwrite(int input) => false;

    /// <summary>True where the node may run while shapes are inferred, if all its inputs are known: cheap operators on small integer values that compute shapes.</summary>
    public virtual bool CanRunAtInference => false;

    /// <summary>True where outputs depend on input shapes only (Shape, Size): known at inference whatever the input is.</summary>
    public virtual bool DependsOnShapesOnly => false;

    /// <summary>What is done with input <paramref name="input"/>, where that may be weights.</summary>
    public virtual WeightUse UseOf(int input) => WeightUse.None;

    /// <summary>Whether one of <paramref name="inputs"/> inputs may be weights that are read as a whole in each run.</summary>
    public bool Multiplies(int inputs)
    {
        for (var i = 0; i < inputs; i++)
        {
            if (UseOf(i) is WeightUse.Product or WeightUse.Recurrence) return true;
        }

        return false;
    }

    /// <summary>
    /// Sees many streams of the node as one larger node: true, with a layout for each value, where no stream changes a bit of another.
    /// Operators that may refuse what an input holds (an index out of range, an integer divided by 0, the length of a sequence) run
    /// stream after stream, so that the error can name the stream.
    /// </summary>
    public virtual bool TryBatch(in Batching batch) => false;
}
