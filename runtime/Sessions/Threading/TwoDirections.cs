using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>A bidirectional layer with one thread for each direction. The directions share only X, so every bit is the same as with one thread.</summary>
internal sealed unsafe class TwoDirections : ParallelStep
{
    private readonly Recurrent _layer;
    private readonly Action _forward;

    public TwoDirections(Recurrent layer, NodeContext context)
        : base(context)
    {
        _layer = layer;
        _forward = () => Recurrent.ExecuteDirection(Context, Context.Scratch, 0);
        EachScratchBytes = layer.ScratchBytes(context);
    }

    public override long EachScratchBytes { get; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        if (_layer.WorkOfStep(context) * context.Input(0).Shape[0] < LeastShared)
        {
            _layer.Execute(context);
            return;
        }

        Recurrent.CheckInputs(context);
        Share(_forward);
    }

    public override void Help() => Recurrent.ExecuteDirection(Context, SecondScratch, 1);
}
