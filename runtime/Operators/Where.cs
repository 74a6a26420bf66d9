using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Y = condition ? A : B.</summary>
/// <remarks>Inputs: condition bool; A and B of any one type. The three broadcast by NumPy's rules.</remarks>
internal sealed unsafe class Where : Operator
{
    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => batch.Broadcast();

    public override void Infer(NodeContext context)
    {
        var condition = Require.Dense(context.Input(0), ElementType.Bool);
        var a = Require.AnyDense(context.Input(1));
        var b = Require.AnyDense(context.Input(2));
        if (a.Type != b.Type) throw OperatorError.Type(b, $"{a.Type.Name()}, the type of '{a.Name}'");
        var y = context.Output(0);
        y.Set(a.Type, Axes.Broadcast(a, b));
        y.Set(a.Type, Axes.Broadcast(condition, y));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        switch (context.Output(0).Type.Size())
        {
            case 1: Choose<byte>(context); break;
            case 4: Choose<uint>(context); break;
            default: Choose<ulong>(context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Choose<T>(NodeContext context)
        where T : unmanaged
    {
        Tensor condition = context.Input(0), a = context.Input(1), b = context.Input(2), y = context.Output(0);
        if (y.Count == 0) return;
        var lines = new BroadcastLines(y.Shape, condition.Shape, a.Shape, b.Shape);
        do
        {
            Line(condition.Data + lines.A, lines.StepA, (T*)a.Data + lines.B, lines.StepB, (T*)b.Data + lines.C, lines.StepC, (T*)y.Data + lines.Y, lines.Length);
        }
        while (lines.Next());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Line<T>(byte* condition, nint stepCondition, T* a, nint stepA, T* b, nint stepB, T* y, nint n)
        where T : unmanaged
    {
        for (nint i = 0; i < n; i++)
        {
            T p = a[i * stepA], q = b[i * stepB];
            y[i] = condition[i * stepCondition] != 0 ? p : q;
        }
    }
}
