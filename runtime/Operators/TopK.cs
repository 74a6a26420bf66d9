using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>The k largest (or smallest) elements along an axis and their indices.</summary>
/// <remarks>
/// Inputs: X of numbers; k, a known int32 or int64 scalar, at most the axis's size. Outputs: values of X's type and int64 indices; either may
/// be omitted. Axis (default -1), Largest (default 1). Results are sorted, equal ones by index. A NaN counts as larger than every number. It
/// uses a heap of k indices: n·log k steps.
/// </remarks>
internal sealed unsafe class TopK(Attributes attributes) : Operator
{
    private readonly int _axis = attributes.Int32(AttributeKey.Axis, -1);
    private readonly bool _isLargest = attributes.Bool(AttributeKey.Largest, true);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type == ElementType.Bool) throw OperatorError.Type(x, "numbers");
        var axis = Require.Axis(_axis, x);
        var shape = x.Shape;
        shape[axis] = K(context, x.Shape[axis]);
        context.OptionalOutput(0)?.Set(x.Type, shape);
        context.OptionalOutput(1)?.Set(ElementType.Int64, shape);
    }

    public override bool UsesScratch(NodeContext context) => true;

    public override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        var x = context.Input(0);
        cursor.Take((long)K(context, x.Shape[Require.Axis(_axis, x)]) * sizeof(int));
        return cursor.Bytes;
    }

    public override double Work(NodeContext context) => base.Work(context) + 2 * context.Input(0).Shape.Extent * Math.Log2((double)context.Known(1).Integer(0) + 2);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        switch (x.Type)
        {
            case ElementType.Float32: Select((float*)x.Data, context); break;
            case ElementType.Float64: Select((double*)x.Data, context); break;
            case ElementType.Int64: Select((long*)x.Data, context); break;
            case ElementType.Int32: Select((int*)x.Data, context); break;
            case ElementType.Int8: Select((sbyte*)x.Data, context); break;
            default: Select(x.Data, context); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int K(NodeContext context, int size)
    {
        var k = Indices.Require(context.Known(1));
        if (k.Count != 1) throw OperatorError.Rank(k, "one number");
        var value = k.Integer(0);
        return value >= 0 && value <= size ? (int)value : throw OperatorError.Value($"'{k.Name}' requests {value} of {size} elements.");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Select<T>(T* x, NodeContext context)
        where T : unmanaged, INumber<T>
    {
        var input = context.Input(0);
        var axis = Require.Axis(_axis, input);
        var k = K(context, input.Shape[axis]);
        if (k == 0) return;
        var lines = new AxisLines(input, axis);
        var heap = (int*)context.Scratch;
        var values = context.OptionalOutput(0) is { } v ? (T*)v.Data : null;
        var indices = context.OptionalOutput(1) is { } i ? (long*)i.Data : null;
        for (nint line = 0; line < lines.Count; line++)
        {
            var from = x + lines.Start(line);
            Best(from, lines.Stride, lines.Size, heap, k);
            var to = line / lines.Stride * (lines.Stride * k) + line % lines.Stride;
            for (var place = 0; place < k; place++, to += lines.Stride)
            {
                if (values != null) values[to] = from[heap[place] * lines.Stride];
                if (indices != null) indices[to] = heap[place];
            }
        }
    }

    /// <summary>Leaves the indices of the first k elements in <paramref name="heap"/>, sorted. The heap's root is the last of the kept ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Best<T>(T* line, nint stride, int n, int* heap, int k)
        where T : unmanaged, INumber<T>
    {
        for (var i = 0; i < k; i++) heap[i] = i;
        for (var root = k / 2 - 1; root >= 0; root--) SiftDown(line, stride, heap, root, k);
        for (var i = k; i < n; i++)
        {
            if (!Precedes(line, stride, i, heap[0])) continue;
            heap[0] = i;
            SiftDown(line, stride, heap, 0, k);
        }

        for (var end = k - 1; end > 0; end--)
        {
            (heap[0], heap[end]) = (heap[end], heap[0]);
            SiftDown(line, stride, heap, 0, end);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SiftDown<T>(T* line, nint stride, int* heap, int root, int count)
        where T : unmanaged, INumber<T>
    {
        var moved = heap[root];
        while (2L * root + 1 < count)
        {
            var child = 2 * root + 1;
            if (child + 1 < count && Precedes(line, stride, heap[child], heap[child + 1])) child++;
            if (!Precedes(line, stride, moved, heap[child])) break;
            heap[root] = heap[child];
            root = child;
        }

        heap[root] = moved;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Precedes<T>(T* line, nint stride, int a, int b)
        where T : unmanaged, INumber<T>
    {
        T x = line[a * stride], y = line[b * stride];
        if (Exceeds(x, y)) return _isLargest;
        if (Exceeds(y, x)) return !_isLargest;
        return a < b;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Exceeds<T>(T x, T y)
        where T : unmanaged, INumber<T> => x > y || (T.IsNaN(x) && !T.IsNaN(y));
}
