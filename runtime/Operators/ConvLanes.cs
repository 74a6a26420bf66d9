using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>A run of a convolution whose windows are in lanes.</summary>
/// <remarks>
/// Windows of a line are neighbours in the input or in its copy (<see cref="ConvPlane"/>). Lines that are much shorter than a vector are
/// gathered into longer ones.
/// </remarks>
internal readonly unsafe struct ConvLanes
{
    /// <summary>The shortest line that is read where it is, and the length of gathered ones.</summary>
    private const int ShortLine = 8;
    private const int LongLine = 64;

    private readonly NodeContext _context;
    private readonly ConvPlane _plane;
    private readonly nint _groups;
    private readonly nint _channels;
    private readonly nint _outputs;
    private readonly nint _columns;
    private readonly nint _depths;
    private readonly nint _lines;
    private readonly nint _width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ConvLanes(SpatialWindow window, int groups, NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        _context = context;
        _groups = groups;
        _channels = x.Shape[1] / groups;
        _outputs = y.Shape[1] / groups;
        _columns = _channels * window.Taps;
        _plane = new ConvPlane(window, x.Shape, y.Shape, context.Optional(3) is not null, isSideBySide: true);
        (_depths, _lines, _width) = (window.Size(y.Shape, 0), window.Size(y.Shape, 1), window.Size(y.Shape, 2));

        // Windows of one element each, all of them, are one line.
        if (window.Taps == 1 && _plane.IsInPlace && _plane.ChannelStride == _depths * _lines * _width) (_depths, _lines, _width) = (1, 1, _depths * _lines * _width);
    }

    private bool HasShortLines => _width < ShortLine && _depths * _lines > 1;

    private nint Spatial => _depths * _lines * _width;

    /// <summary>Lines that are gathered together.</summary>
    private nint LinesOfChunk
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Math.Min(LongLine / Math.Max(_width, 1), _depths * _lines);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Place(ref ScratchCursor cursor, out Places places)
    {
        var w = _context.Input(1);
        places = default;
        places.Taps = (nint*)cursor.Take(2L * _columns * sizeof(nint));
        if (!_plane.IsInPlace && Spatial > 0) places.Plane = cursor.Floats(_plane.Count);
        if (w.Format is not (TensorFormat.Dense or TensorFormat.PackedFloat32)) places.Weights = cursor.Floats(_groups, w.Layout.PaddedRows, w.Layout.Columns);
        if (_depths * _lines > 1) places.Gathered = cursor.Floats(_columns, LongLine);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run()
    {
        var cursor = new ScratchCursor(_context.Scratch);
        Place(ref cursor, out var places);
        Tensor x = _context.Input(0), w = _context.Input(1), y = _context.Output(0);
        _plane.PlaceTaps(_channels, places.Taps);
        nint weightGroup = _outputs * _columns;
        var weights = w.Floats;
        if (places.Weights != null)
        {
            weightGroup = (nint)w.Layout.PaddedRows * w.Layout.Columns;
            weights = places.Weights;
            for (var g = 0; g < (int)_groups; g++) _context.Kernels.Unpack(w.Matrix(g), weights + g * weightGroup);
        }
        else if (w.Format != TensorFormat.Dense)
        {
            weightGroup = (nint)(w.Layout.Stride / sizeof(float));
        }

        for (nint row = 0; row < x.Shape[0]; row++)
        {
            var source = x.Floats + row * _plane.Count;
            if (!_plane.IsInPlace)
            {
                source = places.Plane;
                _plane.Fill(_context, row, source);
            }

            var target = y.Floats + row * _groups * _outputs * Spatial;
            if (HasShortLines) Gathered(source, weights, weightGroup, places, target);
            else InPlace(source, weights, weightGroup, places.Taps, target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void InPlace(float* source, float* weights, nint weightGroup, nint* taps, float* target)
    {
        for (nint depth = 0; depth < _depths; depth++)
        {
            Multiply(weights, weightGroup, new WindowRows
            {
                Source = source + depth * _plane.DepthStep,
                SourceGroup = _channels * _plane.ChannelStride,
                SourceLine = _plane.LineStep,
                Taps = taps,
                Target = target + depth * _lines * _width,
                TargetLine = _width,
                Lines = _lines,
                Width = _width,
            });
        }
    }

    /// <summary>Lines that are shorter than a vector: the elements of some lines are copied side by side, tap by tap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gathered(float* source, float* weights, nint weightGroup, in Places places, float* target)
    {
        nint count = _depths * _lines, chunk = LinesOfChunk;
        var taps = places.Taps + _columns;
        for (nint g = 0; g < _groups; g++, source += _channels * _plane.ChannelStride, target += _outputs * Spatial)
        {
            for (nint first = 0; first < count; first += chunk)
            {
                var lines = Math.Min(chunk, count - first);
                var to = places.Gathered;
                for (nint k = 0; k < _columns; k++)
                {
                    taps[k] = k * lines * _width;
                    for (var line = first; line < first + lines; line++, to += _width)
                    {
                        var from = source + places.Taps[k] + line / _lines * _plane.DepthStep + line % _lines * _plane.LineStep;
                        for (nint j = 0; j < _width; j++) to[j] = from[j];
                    }
                }

                Multiply(weights, weightGroup, new WindowRows { Source = places.Gathered, Taps = taps, Target = target + first * _width, Lines = 1, Width = lines * _width }, g, 1);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float* weights, nint weightGroup, WindowRows rows) => Multiply(weights, weightGroup, rows, 0, _groups);

    /// <summary>Multiplies some groups by their weights: dense, or panel by panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float* weights, nint weightGroup, WindowRows rows, nint firstGroup, nint groups)
    {
        var w = _context.Input(1);
        var bias = _context.Optional(2) is { } b ? b.Floats + firstGroup * _outputs : null;
        rows.TapCount = _columns;
        rows.Weights = weights + firstGroup * weightGroup;
        rows.WeightGroup = weightGroup;
        rows.TargetRow = Spatial;
        rows.TargetGroup = _outputs * Spatial;
        rows.Groups = groups;
        rows.Init = bias;
        rows.Rows = _outputs;
        if (w.Format == TensorFormat.Dense)
        {
            rows.WeightRow = _columns;
            rows.WeightTap = 1;
            _context.Kernels.Windows(rows);
            return;
        }

        rows.WeightRow = 1;
        if (_outputs <= w.Layout.PanelRows)
        {
            rows.WeightTap = w.Layout.Width(0);
            _context.Kernels.Windows(rows);
            return;
        }

        rows.Groups = 1;
        for (nint g = 0; g < groups; g++)
        {
            for (nint first = 0; first < _outputs; first += w.Layout.PanelRows)
            {
                var panel = rows;
                panel.Rows = Math.Min(w.Layout.PanelRows, _outputs - first);
                panel.WeightTap = w.Layout.Width((int)first);
                panel.Weights = rows.Weights + g * weightGroup + first * _columns;
                panel.Source = rows.Source + g * rows.SourceGroup;
                panel.Target = rows.Target + g * rows.TargetGroup + first * Spatial;
                panel.Init = bias == null ? null : bias + g * _outputs + first;
                _context.Kernels.Windows(panel);
            }
        }
    }

    /// <summary>Scratch of a run.</summary>
    public struct Places
    {
        /// <summary>The place of each tap, twice.</summary>
        public nint* Taps;

        /// <summary>One batch row of the input with what is around it.</summary>
        public float* Plane;

        /// <summary>The weights as fp32, if they are stored otherwise.</summary>
        public float* Weights;

        /// <summary>The elements of short lines.</summary>
        public float* Gathered;
    }
}
