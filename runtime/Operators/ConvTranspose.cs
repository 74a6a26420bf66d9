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
/// (size - 1)·stride + (K - 1)·dilation + 1 + OutputPadding - pads. The products of a tap with all positions of a line are a row. An output is the sum of
/// one element of each row that reaches it, in order of positions: from the last tap to the first. Outputs that are a stride apart take the same
/// taps, so they are computed together and then put in their places. With a large stride, rows are of positions instead (<see cref="TransposedLines"/>).
/// </remarks>
internal sealed unsafe class ConvTranspose : Operator
{
    /// <summary>Products computed at a time, for as many output channels as that allows.</summary>
    private const int Most = 16 << 10;

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

    public override double Work(NodeContext context)
    {
        var work = base.Work(context);
        if (context.Output(0).Shape.Extent == 0) return work;
        var lines = new TransposedLines(_window, context);
        nint outputs = context.Input(1).Shape[1];
        Blocks(lines, outputs, out var blockOutputs, out var blockGroups);
        var blocks = Math.Ceiling((double)outputs / blockOutputs) * Math.Ceiling((double)_group / blockGroups);
        var ofLine = blocks * lines.Places + lines.Channels * lines.Sums / 8;
        return work + context.Input(0).Shape.Extent * outputs * _window.Taps / 4 + (double)context.Input(0).Shape[0] * lines.OutLines * ofLine;
    }

    public override bool UsesScratch(NodeContext context) => true;

    public override long ScratchBytes(NodeContext context)
    {
        if (context.Output(0).Count == 0) return 0;
        var cursor = new ScratchCursor(null);
        Place(new TransposedLines(_window, context), ref cursor, out _);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (y.Count == 0) return;
        var cursor = new ScratchCursor(context.Scratch);
        var lines = new TransposedLines(_window, context);
        Place(lines, ref cursor, out var places);
        lines.ClearMargins(places.Products, ProductsOf(lines));
        nint channels = x.Shape[1] / _group, outputs = context.Input(1).Shape[1];
        for (nint c = 0; c < channels; c++) places.Channels[c] = c * (lines.ByPosition ? outputs * _window.Taps : lines.InSpatial);
        Blocks(lines, outputs, out var blockOutputs, out var blockGroups);
        for (nint n = 0; n < x.Shape[0]; n++)
        {
            for (nint g = 0; g < _group; g += blockGroups)
            {
                for (nint m = 0; m < outputs; m += blockOutputs)
                {
                    var block = new Block(n, g, Math.Min(blockGroups, _group - g), m, Math.Min(blockOutputs, outputs - m));
                    for (nint line = 0; line < lines.OutLines; line++) Run(context, lines, places, block, line);
                }
            }
        }
    }

    /// <summary>One line of outputs of some channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Run(NodeContext context, in TransposedLines lines, in Places places, in Block block, nint line)
    {
        Tensor x = context.Input(0), w = context.Input(1), y = context.Output(0);
        nint channels = x.Shape[1] / _group, outputs = w.Shape[1], taps = _window.Taps, width = _window.Kernel(2);
        var count = block.Groups * block.Outputs;
        var weights = w.Floats + (block.Group * channels * outputs + block.Output) * taps;
        var source = x.Floats + (block.Row * _group + block.Group) * channels * lines.InSpatial;
        var products = lines.ByPosition
            ? new WindowRows
            {
                WeightGroup = channels * lines.InSpatial,
                WeightRow = 1,
                WeightTap = lines.InSpatial,
                SourceGroup = channels * outputs * taps,
                SourceLine = taps,
                TargetLine = lines.Rows * lines.RowLength,
                Lines = block.Outputs,
            }
            : new WindowRows
            {
                WeightGroup = channels * outputs * taps,
                WeightRow = 1,
                WeightTap = outputs * taps,
                SourceGroup = channels * lines.InSpatial,
                Lines = 1,
            };
        products.Taps = places.Channels;
        products.TapCount = channels;
        products.TargetGroup = block.Outputs * lines.Rows * lines.RowLength;
        products.TargetRow = lines.RowLength;
        products.Groups = block.Groups;
        products.Rows = lines.Rows;
        products.Width = lines.RowWidth;
        nint rows = 0;
        for (var kd = _window.Kernel(0) - 1; kd >= 0; kd--)
        {
            for (var kh = _window.Kernel(1) - 1; kh >= 0; kh--)
            {
                if (!lines.Reaches(line, kd, kh, out var from)) continue;
                products.Source = source + from;
                products.Weights = weights + ((nint)kd * _window.Kernel(1) + kh) * width;
                products.Target = places.Products + rows * count * lines.Rows * lines.RowLength + lines.Margin;
                rows++;
                if (lines.ByPosition)
                {
                    // Positions take the place of taps.
                    var positions = products.Source;
                    products.Source = products.Weights;
                    products.Weights = positions;
                    context.Kernels.Windows(products);
                    continue;
                }

                if (taps == width)
                {
                    // The taps of all outputs follow each other.
                    products.Rows = block.Outputs * width;
                    context.Kernels.Windows(products);
                    continue;
                }

                for (nint m = 0; m < block.Outputs; m++)
                {
                    context.Kernels.Windows(products);
                    products.Weights += taps;
                    products.Target += width * lines.RowLength;
                }
            }
        }

        var bias = context.Optional(2) is { } b ? b.Floats + block.Group * outputs + block.Output : null;
        var target = y.Floats + ((block.Row * _group + block.Group) * outputs + block.Output) * lines.OutSpatial + line * lines.OutWidth;
        var sums = new WindowRows
        {
            Source = places.Products + lines.Margin,
            SourceGroup = lines.Rows * lines.RowLength,
            Taps = places.Taps,
            Init = bias,
            TargetGroup = lines.OutSpatial,
            Groups = count,
            Rows = 1,
            Lines = 1,
        };
        if (lines.ByPosition) SumNeighbours(context, lines, sums, rows, target);
        else SumPhases(context, lines, sums, rows, target, places.Phase);
    }

    /// <summary>Adds up the rows of positions, for the neighbours that take the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumNeighbours(NodeContext context, in TransposedLines lines, WindowRows sums, nint rows, float* target)
    {
        for (nint output = 0; output < lines.OutWidth; output += sums.Width)
        {
            sums.TapCount = lines.PlacePositions(output, rows, sums.Groups, sums.Taps, out sums.Width);
            sums.Target = target + output;
            context.Kernels.Windows(sums);
        }
    }

    /// <summary>Adds up the rows of taps, for the outputs a stride apart that take the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumPhases(NodeContext context, in TransposedLines lines, WindowRows sums, nint rows, float* target, float* phases)
    {
        nint stride = _window.Stride(2);
        sums.Target = stride == 1 ? target : phases;
        if (stride > 1) sums.TargetGroup = lines.PhaseWidth;
        for (nint phase = 0; phase < stride && phase < lines.OutWidth; phase++)
        {
            sums.TapCount = lines.PlaceTaps(phase, rows, sums.Groups, sums.Taps);
            sums.Width = lines.Windows(phase);
            context.Kernels.Windows(sums);
            if (stride == 1) continue;
            for (nint c = 0; c < sums.Groups; c++) Spread(phases + c * lines.PhaseWidth, target + c * lines.OutSpatial + phase, stride, sums.Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Spread(float* from, float* to, nint stride, nint count)
    {
        for (nint i = 0; i < count; i++) to[i * stride] = from[i];
    }

    /// <summary>How many outputs of a group, or how many whole groups, are computed together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Blocks(in TransposedLines lines, nint outputs, out nint blockOutputs, out nint blockGroups)
    {
        blockOutputs = Math.Clamp(Most / lines.ProductsOfChannel, 1, outputs);
        blockGroups = blockOutputs < outputs ? 1 : Math.Clamp(Most / (lines.ProductsOfChannel * outputs), 1, _group);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Place(in TransposedLines lines, ref ScratchCursor cursor, out Places places)
    {
        places.Products = cursor.Floats(ProductsOf(lines));
        places.Channels = (nint*)cursor.Take(lines.InChannels * sizeof(nint));
        places.Taps = (nint*)cursor.Take((long)_window.Taps * sizeof(nint));
        places.Phase = _window.Stride(2) == 1 || lines.ByPosition ? null : cursor.Floats(Math.Min(lines.Channels * lines.PhaseWidth, ProductsOf(lines)));
    }

    /// <summary>Room for the products of a block of channels, a whole number of rows or more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint ProductsOf(in TransposedLines lines) => Math.Min(lines.Channels * lines.ProductsOfChannel, Math.Max(Most, lines.ProductsOfChannel));

    /// <summary>Output channels that are computed together: some outputs of one group, or all of some groups.</summary>
    [method: MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly record struct Block(nint Row, nint Group, nint Groups, nint Output, nint Outputs);

    /// <summary>Scratch of a run.</summary>
    private struct Places
    {
        /// <summary>Rows of products: for each tap of depth and height that reaches a line, each channel, and each tap of the width or position.</summary>
        public float* Products;

        /// <summary>The place of each input channel of a group.</summary>
        public nint* Channels;

        /// <summary>The rows' places for one phase.</summary>
        public nint* Taps;

        /// <summary>A line's outputs that are a stride apart, channel after channel.</summary>
        public float* Phase;
    }
}
