using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>Nodes that two threads run together, as one step of a session. Shapes are inferred node by node, as ever.</summary>
internal abstract unsafe class ParallelStep(int first, int last, NodeContext context) : Operator, IShared, IDisposable
{
    /// <summary>Multiply-accumulates below which waking a second thread costs more than it saves.</summary>
    private const long LeastWork = 1 << 20;

    /// <summary>Index of the first node of the group.</summary>
    public int First { get; } = first;

    /// <summary>Index of the last node of the group.</summary>
    public int Last { get; } = last;

    /// <summary>What the session calls <see cref="Operator.Execute"/> with: that of the first node.</summary>
    public NodeContext Context { get; } = context;

    /// <summary>The session's second thread.</summary>
    public HelperThread? Helper { get; set; }

    /// <summary>Bytes this step keeps from one piece of work to the next.</summary>
    public virtual long OwnBytes => 0;

    /// <summary>Scratch of either thread.</summary>
    public abstract long EachScratchBytes { get; }

    protected byte* SecondScratch { get; private set; }

    public override void Infer(NodeContext context)
    {
    }

    public virtual void Bind(byte* secondScratch, byte* own) => SecondScratch = secondScratch;

    public abstract void Help();

    public virtual void Dispose()
    {
    }

    /// <summary>Whether a recurrent layer at its current sizes is worth two threads.</summary>
    protected static bool IsLong(NodeContext context, int firstWeight)
    {
        var x = context.Input(0).Shape;
        var work = 0L;
        for (var i = firstWeight; i < firstWeight + 2; i++) work += (long)context.Input(i).Layout.Rows * context.Input(i).Layout.Columns;
        return x[0] > 1 && (double)x[0] * x[1] * work >= LeastWork;
    }

    /// <summary>Does both parts at once.</summary>
    protected void Share(Action own)
    {
        Helper!.Start(this);
        try
        {
            own();
        }
        finally
        {
            Helper.Finish();
        }
    }
}
