using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Maximum or mean over windows of 1 to 3 spatial dimensions, or over all positions (global).
/// </summary>
/// <remarks>
/// Input X [N, C, spatial…]; output Y [N, C, windows…], or [N, C, 1…] if global. The maximum (fp32, float64, int8, uint8) is over the taps
/// inside the input. The mean (fp32, float64) divides by the number of taps inside, or with CountIncludePad by the number inside or in the
/// declared padding. With CeilMode a last window may end beyond the padding, but it must start before the right padding. Sums are in the
/// order of taps. max(a, b) = a &gt; b ? a : b.
/// </remarks>
internal sealed unsafe class Pool : Operator
{
    private readonly PoolFunction _function;
    private readonly SpatialWindow? _window;
    private readonly bool _ceil;
    private readonly bool _countPads;

    public Pool(Attributes attributes)
    {
        _function = attributes.Enum(AttributeKey.Function, PoolFunction.Max);
        _ceil = attributes.Bool(AttributeKey.CeilMode, false);
        _countPads = attributes.Bool(AttributeKey.CountIncludePad, false);
        if (_function is PoolFunction.GlobalMax or PoolFunction.GlobalAverage) return;
        _window = new SpatialWindow(attributes);
        for (var axis = 0; axis < SpatialWindow.Axes; axis++)
        {
            if (Math.Max(_window.PadBegin(axis), _window.PadEnd(axis)) > _window.Reach(axis))
                throw OperatorError.Attribute("Pads of a pool must be smaller than its window.");
        }
    }

    private bool IsMaximum
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _function is PoolFunction.Max or PoolFunction.GlobalMax;
    }

    public override bool TryBatch(in Batching batch) => batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Type is not (ElementType.Float32 or ElementType.Float64) && !(IsMaximum && x.Type is ElementType.Int8 or ElementType.UInt8))
            throw OperatorError.Type(x, IsMaximum ? "float32, float64, int8 or uint8" : "float32 or float64");
        if (_window is not null)
        {
            context.Output(0).Set(x.Type, _window.Output(_window.Check(x), x.Shape[1], _ceil));
            return;
        }

        if (x.Rank < 2) throw OperatorError.Rank(x, "[batch, channels, spatial…]");
        var shape = x.Shape;
        for (var axis = 2; axis < x.Rank; axis++)
        {
            if (shape[axis] == 0) throw OperatorError.Rank(x, "at least one element in each channel");
            shape[axis] = 1;
        }

        context.Output(0).Set(x.Type, shape);
    }

    /// <summary>Each window reads its taps that may lie inside.</summary>
    public override double Work(NodeContext context)
    {
        var taps = 1.0;
        for (var axis = 0; axis < SpatialWindow.Axes && _window is not null; axis++)
            taps *= Math.Min(_window.Kernel(axis), _window.Size(context.Input(0).Shape, axis) / _window.Dilation(axis) + 1);
        return base.Work(context) + OutputWork(context) * taps;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (y.Count == 0) return;
        if (_window is null && x.Type == ElementType.Float32)
        {
            var size = x.Count / y.Count;
            var function = IsMaximum ? ReduceFunction.Max : ReduceFunction.Mean;
            context.Kernels.Reduce(function, x.Floats, y.Count, size, y.Floats);
            return;
        }

        switch (x.Type)
        {
            case ElementType.Float32: Run<float>(x, y); break;
            case ElementType.Float64: Run<double>(x, y); break;
            case ElementType.Int8: Run<sbyte>(x, y); break;
            default: Run<byte>(x, y); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Run<T>(Tensor x, Tensor y)
        where T : unmanaged, INumber<T>
    {
        T* from = (T*)x.Data, to = (T*)y.Data;
        if (_window is null)
        {
            var size = x.Count / y.Count;
            for (var i = 0; i < y.Count; i++, from += size) to[i] = Whole(from, size);
            return;
        }

        var channels = x.Shape[0] * x.Shape[1];
        var spatial = x.Count / channels;
        int outDepth = _window.Size(y.Shape, 0), outHeight = _window.Size(y.Shape, 1), outWidth = _window.Size(y.Shape, 2);
        for (var c = 0; c < channels; c++, from += spatial)
        {
            for (var d = 0; d < outDepth; d++)
            {
                for (var h = 0; h < outHeight; h++)
                {
                    for (var w = 0; w < outWidth; w++) *to++ = One(from, x.Shape, d, h, w);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T Whole<T>(T* x, int size)
        where T : unmanaged, INumber<T>
    {
        var result = x[0];
        for (var i = 1; i < size; i++) result = IsMaximum ? Larger(result, x[i]) : result + x[i];
        return IsMaximum ? result : result / T.CreateTruncating(size);
    }

    /// <summary>One window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T One<T>(T* x, in Shape shape, int outD, int outH, int outW)
        where T : unmanaged, INumber<T>
    {
        nint height = _window!.Size(shape, 1), width = _window.Size(shape, 2);
        var d = new Taps(_window, shape, 0, outD);
        var h = new Taps(_window, shape, 1, outH);
        var w = new Taps(_window, shape, 2, outW);
        var result = T.Zero;
        var any = false;
        for (var i = d.First; i < d.End; i++)
        {
            for (var j = h.First; j < h.End; j++)
            {
                var line = x + (d.At(i) * height + h.At(j)) * width;
                for (var k = w.First; k < w.End; k++)
                {
                    var value = line[w.At(k)];
                    result = !any ? value : IsMaximum ? Larger(result, value) : result + value;
                    any = true;
                }
            }
        }

        if (IsMaximum || !any) return result;
        var count = _countPads ? d.Counted * h.Counted * w.Counted : (d.End - d.First) * (h.End - h.First) * (w.End - w.First);
        return result / T.CreateTruncating(count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Larger<T>(T a, T b)
        where T : unmanaged, INumber<T> => a > b ? a : b;

    /// <summary>One axis' taps of one window that are inside the input: [First, End). Counted includes those in the declared padding.</summary>
    private readonly struct Taps
    {
        private readonly long _start;
        private readonly long _dilation;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Taps(SpatialWindow window, in Shape shape, int axis, int position)
        {
            var size = (long)window.Size(shape, axis);
            _dilation = window.Dilation(axis);
            _start = (long)position * window.Stride(axis) - window.PadBegin(axis);
            var taps = window.Kernel(axis);
            First = Math.Min(_start >= 0 ? 0 : Up(-_start), taps);
            End = Math.Max(First, Math.Min(taps, size > _start ? Up(size - _start) : 0));
            Counted = Math.Min(taps, Up(size + window.PadEnd(axis) - _start));
        }

        public long First { get; }

        public long End { get; }

        public long Counted { get; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public nint At(long tap) => (nint)(_start + tap * _dilation);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private long Up(long distance) => (distance + _dilation - 1) / _dilation;
    }
}
