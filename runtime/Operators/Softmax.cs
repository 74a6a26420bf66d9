using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>The function along an axis.</summary>
internal enum SoftmaxKind
{
    Softmax,
    LogSoftmax,
    Hardmax,
}

/// <summary>
/// Along one axis: Softmax eˣ⁻ᵐ/Σeˣ⁻ᵐ, where m is the maximum; LogSoftmax x - m - log Σeˣ⁻ᵐ; Hardmax 1 at the first maximum and 0 elsewhere.
/// </summary>
/// <remarks>Input X fp32 of any shape; Axis (default -1). The output has the same shape and may overwrite the input. Lines of an inner axis are copied to scratch and back.</remarks>
internal sealed unsafe class Softmax(Attributes attributes, SoftmaxKind kind) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, -1);

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
        cursor.Floats(x.Shape[Require.Axis(_axis, x)]);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (x.Count == 0) return;
        var lines = new AxisLines(x, Require.Axis(_axis, x));
        if (lines.Stride == 1)
        {
            Rows(context, x.Floats, y.Floats, lines.Count, lines.Size);
            return;
        }

        var scratch = (float*)context.Scratch;
        for (nint line = 0; line < lines.Count; line++)
        {
            var start = lines.Start(line);
            lines.Load(x.Floats + start, scratch);
            Rows(context, scratch, scratch, 1, lines.Size);
            lines.Store(scratch, y.Floats + start);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rows(NodeContext context, float* x, float* y, nint rows, int n)
    {
        if (kind != SoftmaxKind.Hardmax)
        {
            context.Kernels.Softmax(x, y, rows, n, kind == SoftmaxKind.LogSoftmax);
            return;
        }

        for (; rows > 0; rows--, x += n, y += n)
        {
            var best = 0;
            for (var i = 1; i < n; i++)
            {
                if (x[i] > x[best]) best = i;
            }

            new Span<float>(y, n).Clear();
            y[best] = 1;
        }
    }
}
