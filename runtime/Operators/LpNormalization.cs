using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>Y = X/‖X‖ₚ along one axis, with p 1 or 2. A line of norm 0 stays 0.</summary>
/// <remarks>Input X fp32; Axis (default -1), P (default 2). Output Y may overwrite X. Source: ONNX LpNormalization.</remarks>
internal sealed unsafe class LpNormalization : Operator
{
    private readonly int _axis;
    private readonly ReduceFunction _norm;

    public LpNormalization(Attributes attributes)
    {
        _axis = attributes.Int32(AttributeKey.Axis, -1);
        _norm = attributes.Int32(AttributeKey.P, 2) switch
        {
            1 => ReduceFunction.L1,
            2 => ReduceFunction.L2,
            var p => throw OperatorError.Attribute($"P = {p}; expected 1 or 2."),
        };
    }

    public override bool TryBatch(in Batching batch) => batch.IsInner(_axis) && batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.Dense(context.Input(0));
        Require.Axis(_axis, x);
        context.Output(0).Set(ElementType.Float32, x.Shape);
    }

    public override bool CanOverwrite(int input) => input == 0;

    public override bool UsesScratch(NodeContext context) => true;

    public override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        var x = context.Input(0);
        cursor.Floats(x.Shape[Require.Axis(_axis, x)] + 16L);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (x.Count == 0) return;
        var lines = new AxisLines(x, Require.Axis(_axis, x));
        var norm = (float*)context.Scratch;
        var scratch = norm + 16;
        for (nint line = 0; line < lines.Count; line++)
        {
            var start = lines.Start(line);
            if (lines.Stride == 1)
            {
                Line(context.Kernels, x.Floats + start, y.Floats + start, lines.Size, norm);
                continue;
            }

            lines.Load(x.Floats + start, scratch);
            Line(context.Kernels, scratch, scratch, lines.Size, norm);
            lines.Store(scratch, y.Floats + start);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Line(KernelSet kernels, float* x, float* y, int n, float* norm)
    {
        *norm = kernels.Reduce(_norm, x, n);
        if (*norm == 0) new Span<float>(y, n).Clear();
        else kernels.Binary(BinaryFunction.Div, x, 1, norm, 0, y, n);
    }
}
