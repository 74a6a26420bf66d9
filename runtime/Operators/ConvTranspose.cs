using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Transposed convolution over 1 to 3 spatial dimensions: Y[n, m, p·stride + k·dilation - pad] += W[c, m, k]·X[n, c, p]. Y starts as
/// bias[m].
/// </summary>
/// <remarks>
/// Inputs: X fp32 [N, C, spatial…], W dense fp32 [C, M/G, K…], bias fp32 [M] (optional). Output: Y fp32 [N, M, …], each dimension
/// (size - 1)·stride + (K - 1)·dilation + 1 + OutputPadding - pads. One matrix product computes the products of one position with all taps.
/// Its rows are then added in order of positions, so that sums have the same order on every machine.
/// </remarks>
internal sealed unsafe class ConvTranspose : Operator
{
    /// <summary>The number of positions multiplied at a time.</summary>
    private const int Chunk = 64;

    private readonly SpatialWindow _window;
    private readonly int _group;
    private readonly int[] _outputPadding = new int[SpatialWindow.Axes];

    public ConvTranspose(Attributes attributes)
    {
        _window = new SpatialWindow(attributes);
        _group = attributes.Int32(AttributeKey.Group, 1);
        if (_group < 1) throw OperatorError.Attribute($"Group = {_group}; expected at least 1.");
        var padding = attributes.Sizes(AttributeKey.OutputPadding, 0);
        if (padding.Length != 0 && padding.Length != _window.Rank) throw OperatorError.Attribute($"OutputPadding has {padding.Length} values; expected {_window.Rank}.");
        padding.CopyTo(_outputPadding, SpatialWindow.Axes - _window.Rank);
    }

    public override WeightUse UseOf(int input) => input == 1 ? WeightUse.Product : WeightUse.None;

    public override bool TryBatch(in Batching batch) => batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = _window.Check(Require.Dense(context.Input(0)));
        var w = Require.Dense(context.Input(1));
        var channels = x.Shape[1];
        if (channels % _group != 0 || channels == 0) throw OperatorError.Rank(x, $"a positive multiple of {_group} channels");
        if (w.Rank != x.Rank || w.Shape[1] < 1) throw OperatorError.Rank(w, $"{x.Rank} dimensions");
        if (w.Shape[0] != channels) throw OperatorError.Size(w, 0, channels);
        var shape = x.Shape;
        for (var i = 0; i < _window.Rank; i++)
        {
            var axis = SpatialWindow.Axes - _window.Rank + i;
            if (w.Shape[2 + i] != _window.Kernel(axis)) throw OperatorError.Size(w, 2 + i, _window.Kernel(axis));
            var size = (x.Shape[2 + i] - 1L) * _window.Stride(axis) + _window.Reach(axis) + 1 + _outputPadding[axis] - _window.PadBegin(axis) - _window.PadEnd(axis);
            if (x.Shape[2 + i] == 0) size = 0;
            if (size is < 0 or > int.MaxValue) throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} gives an output dimension of {size}.");
            shape[2 + i] = (int)size;
        }

        shape[1] = Require.Size((long)w.Shape[1] * _group);
        Require.Optional(context.Optional(2), shape[1]);
        context.Output(0).Set(ElementType.Float32, shape);
    }

    public override double Work(NodeContext context) => base.Work(context) + context.Input(0).Shape.Extent * context.Input(1).Shape[1] * _window.Taps / 4;

    public override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        Plan(context, ref cursor, out _, out _);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var cursor = new ScratchCursor(context.Scratch);
        Plan(context, ref cursor, out var columns, out var products);
        Tensor x = context.Input(0), w = context.Input(1), y = context.Output(0);
        if (y.Count == 0) return;
        int channels = x.Shape[1] / _group, outputs = w.Shape[1], width = outputs * _window.Taps;
        var positions = Positions(x);
        var outputSize = y.Count / (y.Shape[0] * y.Shape[1]);
        var bias = context.Optional(2);
        for (var row = 0; row < x.Shape[0] * _group; row++)
        {
            var g = row % _group;
            var output = y.Floats + (nint)row * outputs * outputSize;
            for (var m = 0; m < outputs; m++)
                new Span<float>(output + (nint)m * outputSize, outputSize).Fill(bias is null ? 0 : bias.Floats[g * outputs + m]);

            var input = x.Floats + (nint)row * channels * positions;
            for (var first = 0; first < positions; first += Chunk)
            {
                var count = Math.Min(Chunk, positions - first);
                for (nint p = 0; p < count; p++)
                {
                    for (nint c = 0; c < channels; c++) columns[p * channels + c] = input[c * positions + first + p];
                }

                context.Kernels.GemmDense(new FloatRows(columns, channels, count), new FloatRows(w.Floats + (nint)g * channels * width, width, channels), new OutputRange(products, width, width));
                for (var p = 0; p < count; p++) Scatter(x, y, products + (nint)p * width, first + p, output, outputs, outputSize);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scatter(Tensor x, Tensor y, float* products, int position, float* output, int outputs, nint outputSize)
    {
        int inHeight = _window.Size(x.Shape, 1), inWidth = _window.Size(x.Shape, 2);
        nint depth = _window.Size(y.Shape, 0), height = _window.Size(y.Shape, 1), width = _window.Size(y.Shape, 2);
        nint row = position / inWidth, stepDilation = _window.Dilation(2);
        var d0 = row / inHeight * _window.Stride(0) - _window.PadBegin(0);
        var h0 = row % inHeight * _window.Stride(1) - _window.PadBegin(1);
        var w0 = (nint)(position % inWidth) * _window.Stride(2) - _window.PadBegin(2);
        for (var m = 0; m < outputs; m++)
        {
            for (var kd = 0; kd < _window.Kernel(0); kd++)
            {
                var d = d0 + (nint)kd * _window.Dilation(0);
                for (var kh = 0; kh < _window.Kernel(1); kh++)
                {
                    var h = h0 + (nint)kh * _window.Dilation(1);
                    var taps = _window.Kernel(2);
                    if ((nuint)d < (nuint)depth && (nuint)h < (nuint)height)
                    {
                        var line = output + (d * height + h) * width;
                        var w = w0;
                        for (var kw = 0; kw < taps; kw++)
                        {
                            if ((nuint)w < (nuint)width) line[w] += products[kw];
                            w += stepDilation;
                        }
                    }

                    products += taps;
                }
            }

            output += outputSize;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Plan(NodeContext context, ref ScratchCursor cursor, out float* columns, out float* products)
    {
        Tensor x = context.Input(0), w = context.Input(1);
        var chunk = Math.Min(Positions(x), Chunk);
        columns = cursor.Floats(chunk, x.Shape[1] / _group);
        products = cursor.Floats(chunk, w.Shape[1], _window.Taps);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Positions(Tensor x) => x.Count == 0 ? 0 : x.Count / (x.Shape[0] * x.Shape[1]);
}
