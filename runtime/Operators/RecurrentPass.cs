using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>One direction of a recurrent layer in one session: its values, the plan for the sizes of now, and the products of its weights.</summary>
internal sealed unsafe class RecurrentPass
{
    /// <summary>Outputs of one block when a single row walks up and down its weights.</summary>
    private const int BlockRows = 512;

    public readonly Recurrent Layer;
    public readonly KernelSet Kernels;
    public readonly int Direction;
    public readonly Tensor X;
    public readonly Tensor? Lengths;
    public readonly Tensor? FirstState;
    public readonly Tensor? FirstCell;
    public readonly Tensor? Y;
    public readonly Tensor? LastState;
    public readonly Tensor? LastCell;

    /// <summary>W; left out where X holds W·x.</summary>
    public readonly Tensor? Input;

    /// <summary>R; left out where the layer has no hidden state.</summary>
    public readonly Tensor? Recurrence;
    public readonly Tensor? Bias;

    /// <summary>Vectors over the units that the cell has beside the bias, such as peepholes.</summary>
    public readonly Tensor? Vectors;
    public readonly Tensor? Projection;

    /// <summary>Size of the hidden state: the units, or the projection's outputs.</summary>
    public readonly int StateSize;

    /// <summary>The fastest mode that has this direction's equations.</summary>
    public readonly RecurrentMode BestMode;

    /// <summary>True if the equations keep a state within [-1, 1] once it is inside.</summary>
    public readonly bool IsBounded;

    private RecurrentPlan _plan;

    /// <summary>What kernels of whole steps take: what they keep from step to step is set with the plan. Other products walk up and down by it, too.</summary>
    private RecurrentStep _whole;

    /// <summary>W.</summary>
    private PackedMatrix _input;

    public RecurrentPass(Recurrent layer, NodeContext context, int direction)
    {
        var form = layer.Form;
        Layer = layer;
        Kernels = context.Kernels;
        Direction = direction;
        X = context.Input(0);
        Lengths = context.Optional(1);
        Y = context.OptionalOutput(0);
        if (form.HasHidden) (FirstState, LastState) = (context.Optional(2), context.OptionalOutput(1));
        if (form.HasCell) (FirstCell, LastCell) = (context.Optional(1 + form.States), context.OptionalOutput(form.States));
        Input = context.Optional(layer.WeightIndex(direction, 0));
        Recurrence = form.HasHidden ? context.Input(layer.WeightIndex(direction, 1)) : null;
        Bias = context.Optional(layer.WeightIndex(direction, 2));
        if (form.Weights > 3) Vectors = context.Optional(layer.WeightIndex(direction, 3));
        if (form.Weights > 4) Projection = context.Optional(layer.WeightIndex(direction, 4));
        StateSize = layer.StateSize(context);
        BestMode = layer.ModeOf(this);
        IsBounded = layer.IsBounded(this);
    }

    /// <summary>The plan of the last <see cref="Renew"/>.</summary>
    public ref readonly RecurrentPlan Plan => ref _plan;

    /// <summary>A row of biases for R·h, where the layer has one apart from that of W·x; otherwise null.</summary>
    public float* RecurrentBias
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Layer.Form.HasTwoBiases && Bias is { } bias ? bias.Floats + Layer.PackedRows : null;
    }

    /// <summary>Whether the plan is one for X's shape of now and this scratch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsPlanned(byte* scratch)
    {
        ref readonly var shape = ref X.Shape;
        return _plan.Scratch == scratch && _plan.Steps == shape[0] && _plan.Batch == shape[1];
    }

    /// <summary>Makes the plan for X's shape of now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Renew(byte* scratch)
    {
        _plan = new RecurrentPlan(this, scratch);
        _whole = new RecurrentStep { Recurrence = Recurrence is { } r ? MatrixOf(r, _plan.UnpackedRecurrence) : default, RecurrentBias = RecurrentBias, State = _plan.QuantizedState, Units = Layer.Hidden, Gates = Layer.Form.Gates };
        if (Input is not { } w) return;
        _input = w.Matrix(0);
        if (!_plan.HasInputs) return;
        _whole.Weights = MatrixOf(w, _plan.UnpackedInput);
        _whole.Inputs = w.Layout.Columns;
    }

    /// <summary>Converts weights for the whole steps of a run, if they are not stored as such steps take them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Unpack()
    {
        if (!_plan.Unpacks) return;
        if (_plan.UnpackedRecurrence != null) Kernels.Unpack(Recurrence!.Matrix(0), _plan.UnpackedRecurrence);
        if (_plan.UnpackedInput != null && _plan.HasInputs) Kernels.Unpack(Input!.Matrix(0), _plan.UnpackedInput);
    }

    /// <summary>A matrix of whole steps: in the place where it becomes fp32, if it has one. Its rows and panels stay the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static PackedMatrix MatrixOf(Tensor w, float* unpacked) => unpacked == null ? w.Matrix(0) : new PackedMatrix((byte*)unpacked, w.Layout);

    /// <summary>Computes the only step of the only row in one kernel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void StepOnce()
    {
        Unpack();
        var offset = Direction * (nint)StateSize;
        var y = Y is { } all ? all.Floats + offset : null;
        var to = LastState is { } last ? last.Floats + offset : y != null ? y : _plan.State;
        _whole.X = X.Floats;
        if (!_plan.HasInputs)
        {
            if (Input is not null) MultiplyInputs(0, 1);
            _whole.Bias = Input is null ? X.Floats + Direction * Recurrence!.Layout.Rows : _plan.Gates;
        }
        else
        {
            _whole.Bias = Bias is { } bias ? bias.Floats : null;
            if (Input is { Layout.IsInteger: true } w) _whole.Quantized = PackedProduct.PrepareRow(Kernels, X.Floats, w.Layout.Columns, _plan.InputProduct);
        }

        _whole.Hidden = FirstState!.Floats + offset;
        _whole.HiddenOut = to;
        _whole.IsDescending = !_whole.IsDescending;
        if (FirstCell is { } cell)
        {
            _whole.Cell = cell.Floats + offset;
            _whole.CellOut = LastCell is { } lastCell ? lastCell.Floats + offset : _plan.Cell;
        }

        Kernels.WholeStep(_whole);
        if (y != null && y != to) Copy(to, y, StateSize);
    }

    /// <summary>The next step of one row in one kernel, from its W·x with the bias; in fp32 a state that stays in its place goes by way of spare rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void StepOne(in RecurrentRows row)
    {
        var to = row.HiddenOut == row.Hidden && !Recurrence!.Layout.IsInteger ? _plan.Spare : row.HiddenOut;
        _whole.Bias = row.Gates;
        _whole.Hidden = row.Hidden;
        _whole.HiddenOut = to;
        _whole.Cell = row.Cell;
        _whole.CellOut = row.CellOut;
        _whole.IsDescending = !_whole.IsDescending;
        Kernels.WholeStep(_whole);
        if (to != row.HiddenOut) Copy(to, row.HiddenOut, StateSize);
    }

    /// <summary>bias + W·x of adjacent rows of X, in the plan's gates; or X, if it holds them and the step keeps them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* MultiplyInputs(int first, int rows)
    {
        if (Input is { } w)
        {
            nint inputs = w.Layout.Columns;
            var x = new FloatRows(X.Floats + first * inputs, inputs, rows);
            var gates = new OutputRange(_plan.Gates, Layer.PackedRows, Layer.PackedRows, Bias is { } bias ? bias.Floats : null);
            if (w.Layout.IsInteger) PackedProduct.Multiply(Kernels, w, 0, x, gates, _plan.Product);
            else Kernels.Multiply(_input, x, gates);
            return _plan.Gates;
        }

        nint packed = Layer.PackedRows, stride = Layer.Directions * packed;
        var from = X.Floats + first * stride + Direction * packed;
        if (Layer.Form.KeepsGates && stride == packed) return from;
        for (nint row = 0; row < rows; row++) Copy(from + row * stride, _plan.Gates + row * packed, packed);
        return _plan.Gates;
    }

    /// <summary>y = init + R·h; <paramref name="bounded"/> where h is a state that the equations keep in [-1, 1]. Of a single step, gates = bias + W·x before it, block by block of outputs.</summary>
    /// <remarks>
    /// A single row walks over its weights alternately up and down. It starts with the weights that the last step read last, because they are still in a near cache.
    /// The sum of each output is unchanged.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void MultiplyState(float* h, int count, bool bounded, float* init, nint ldinit, float* y)
    {
        var r = Recurrence!;
        var rows = Layer.PackedRows;
        if (count > 1 && !bounded)
        {
            PackedProduct.Multiply(Kernels, r, 0, new FloatRows(h, StateSize, count), new OutputRange(y, rows, rows, init, ldinit), _plan.Product);
            return;
        }

        var state = bounded ? PackedProduct.PrepareState(Kernels, r, h, count, _plan.Product) : PackedProduct.Prepare(Kernels, r, new FloatRows(h, StateSize, 1), _plan.Product);
        if (count > 1)
        {
            state.Multiply(Kernels, 0, new OutputRange(y, rows, rows, init, ldinit));
            return;
        }

        var input = default(PackedProduct.Factor);
        var isInputPending = _plan.Run == RecurrentRun.OneStep && Input is not null;
        if (isInputPending) input = PackedProduct.Prepare(Kernels, Input!, new FloatRows(X.Floats, 0, 1), _plan.InputProduct);
        var inputBias = Bias is { } bias ? bias.Floats : null;
        var isDescending = _whole.IsDescending = !_whole.IsDescending;
        for (var done = 0; done < rows; done += BlockRows)
        {
            var from = isDescending ? (rows - 1 - done) / BlockRows * BlockRows : done;
            var to = Math.Min(from + BlockRows, rows);
            if (isInputPending) input.Multiply(Kernels, 0, new OutputRange(_plan.Gates, 0, to, inputBias, from: from));
            state.Multiply(Kernels, 0, new OutputRange(y, 0, to, init, from: from));
        }
    }

    /// <summary>The same as <see cref="MultiplyState"/> for some gates of all units only, <paramref name="gates"/> from <paramref name="first"/>. The others are whatever they are: int8 and int4 weights are multiplied as a whole.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void MultiplyStateBySome(int first, int gates, float* h, int count, bool bounded, float* init, float* y)
    {
        var (r, packed, units) = (Recurrence!, Layer.PackedRows, Layer.Hidden);
        if (r.Layout.IsInteger)
        {
            MultiplyState(h, count, bounded, init, packed, y);
            return;
        }

        var factor = PackedProduct.Prepare(Kernels, r, new FloatRows(h, StateSize, count), _plan.Product);
        for (var unit = 0; unit < units; unit += GateRows.BlockUnits)
        {
            var from = GateRows.Of(Layer.Form.Gates, first, unit, units);
            factor.Multiply(Kernels, 0, new OutputRange(y, packed, from + gates * GateRows.Width(unit, units), init, packed, from));
        }
    }

    /// <summary>Copies one gate of all units out of interleaved blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Gather(float* gates, int gate, float* plane)
    {
        int count = Layer.Form.Gates, units = Layer.Hidden;
        for (var unit = 0; unit < units; unit += GateRows.BlockUnits) Copy(gates + GateRows.Of(count, gate, unit, units), plane + unit, GateRows.Width(unit, units));
    }

    /// <summary>y = f(x), x limited to [-clip, clip] before where the layer clips.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Activate(in RecurrentActivation function, float* x, float* y, nint n)
    {
        if (Layer.Clip != 0)
        {
            Kernels.Binary(BinaryFunction.Max, x, 1, _plan.NegativeClip, 0, x, n);
            Kernels.Binary(BinaryFunction.Min, x, 1, _plan.Clip, 0, x, n);
        }

        function.Apply(Kernels, x, y, n);
    }

    /// <summary>gate⊙a + (1 - gate)⊙b of all units, computed as b + gate⊙(a - b).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Blend(float* gate, float* a, float* b, float* temporary, float* to)
    {
        nint n = Layer.Hidden;
        Kernels.Binary(BinaryFunction.Sub, a, 1, b, 1, temporary, n);
        Kernels.Binary(BinaryFunction.Mul, gate, 1, temporary, 1, temporary, n);
        Kernels.Binary(BinaryFunction.Add, b, 1, temporary, 1, to, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, float* to, nint count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
}
