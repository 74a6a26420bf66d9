using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>Nodes that two threads run together, as one step of a session. Shapes are still inferred node by node.</summary>
internal abstract unsafe class ParallelStep(NodeContext context) : Operator, IShared, IDisposable
{
    /// <summary>Multiply-accumulates of a layer below which waking a second thread (about 20 µs) costs more than it saves.</summary>
    public const long LeastWork = 1 << 22;

    /// <summary>The context for <see cref="Operator.Execute"/>: that of the first node.</summary>
    public NodeContext Context { get; } = context;

    /// <summary>Least multiply-accumulates of a layer that two threads share.</summary>
    public long LeastShared { get; init; } = LeastWork;

    /// <summary>The session's second thread.</summary>
    public HelperThread? Helper { get; set; }

    /// <summary>Bytes that this step keeps between pieces of work.</summary>
    public virtual long OwnBytes => 0;

    /// <summary>Scratch of each thread.</summary>
    public abstract long EachScratchBytes { get; }

    protected byte* SecondScratch { get; private set; }

    /// <summary>Creates the step of one bidirectional layer or of stacked layers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="contexts">Its nodes' values at the largest sizes.</param>
    /// <param name="group">The layers, lowest first.</param>
    /// <param name="leastShared">Least multiply-accumulates of a layer that two threads share.</param>
    public static ParallelStep Of(LoadedGraph graph, NodeContext[] contexts, int[] group, long leastShared)
    {
        Recurrent Layer(int node) => (Recurrent)graph.Nodes[node].Operator;
        return group is [var only]
            ? new TwoDirections(Layer(only), contexts[only]) { LeastShared = leastShared }
            : new Wavefront(group.Select(node => new LayerInPieces(Layer(node), contexts[node])), contexts[group[0]]) { LeastShared = leastShared };
    }

    public override void Infer(NodeContext context)
    {
    }

    public virtual void Bind(byte* secondScratch, byte* own) => SecondScratch = secondScratch;

    public abstract void Help();

    public virtual void Dispose()
    {
    }

    /// <summary>Runs both parts at the same time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
