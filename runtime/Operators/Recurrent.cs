using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// What RNN, LSTM and GRU have in common: inputs, shapes, directions, sequence lengths, and the order of work. The input
/// products of many time steps (all batch rows) are one GEMM; the recurrent part then steps all batch rows together.
/// </summary>
/// <remarks>
/// <para>T steps, N batch rows, I inputs, H hidden units, D directions, S state size (H, or the projection's P).</para>
/// <para>Inputs: 0 X [T, N, I]; 1 sequence_lens int32 [N] (optional); 2 initial_h [D, N, S] (optional); others by layer.
/// Outputs, each optional: Y [T, D, N, S], Y_h [D, N, S], and LSTM's Y_c [D, N, H].</para>
/// <para>W may be left out: X is then [T, N, D·rows] and holds W·x with its bias already, rows in packed order, direction after
/// direction (a table of them replaces an embedding and its product).</para>
/// <para>Packed rows are in the order of <see cref="GateRows"/>: gates interleaved by blocks of 16 units.</para>
/// <para>With sequence_lens row i runs over its first len[i] steps (the reverse direction starts at step len[i] - 1); Y is 0
/// beyond, Y_h and Y_c are the state at the row's last valid step.</para>
/// </remarks>
internal abstract unsafe class Recurrent : Operator
{
    /// <summary>Rows of X in one input product: enough to read W rarely, few enough to stay in cache.</summary>
    private const int ChunkRows = 128;
    private const int MaxHidden = 1 << 24;

    /// <summary>Outputs of one block where a single row walks up and down.</summary>
    private const int BlockRows = 512;

    private readonly RecurrentDirection _direction;
    private readonly int _gates;
    private readonly int _firstWeight;
    private readonly int _weightsPerDirection;

    protected Recurrent(Attributes attributes, int gates, int firstWeight, int weightsPerDirection)
    {
        Hidden = attributes.Int32(AttributeKey.Hidden, 0);
        if (Hidden is < 1 or > MaxHidden) throw OperatorError.Attribute($"Hidden = {Hidden}; expected 1 to {MaxHidden}.");
        _direction = attributes.Enum(AttributeKey.Direction, RecurrentDirection.Forward);
        Clip = attributes.Float(AttributeKey.CellClip, 0);
        if (!(Clip >= 0)) throw OperatorError.Attribute($"CellClip = {Clip}; expected 0 (none) or more.");
        Directions = _direction == RecurrentDirection.Bidirectional ? 2 : 1;
        PaddedHidden = GateRows.PadUnits(Hidden);
        PackedRows = GateRows.Count(gates, Hidden);
        _gates = gates;
        _firstWeight = firstWeight;
        _weightsPerDirection = weightsPerDirection;
    }

    public bool IsBidirectional => Directions == 2;

    public bool IsForward => _direction == RecurrentDirection.Forward;

    /// <summary>Index of the first direction's W; R is the next.</summary>
    public int FirstWeight => _firstWeight;

    /// <summary>Initial states among the inputs, from 2 on, and last states among the outputs, from 1 on.</summary>
    public int StateInputs => _firstWeight - 2;

    public int Hidden { get; }

    public int Directions { get; }

    /// <summary>Rows of W and R for each unit.</summary>
    public int Gates => _gates;

    /// <summary>Bound of the activations' inputs, 0 for none.</summary>
    protected float Clip { get; }

    /// <summary>Hidden units as they are stored.</summary>
    protected int PaddedHidden { get; }

    /// <summary>All blocks of gates are whole: those of one batch row follow those of the one before as if they were more units of the same.</summary>
    protected bool HasWholeBlocks => Hidden % GateRows.BlockUnits == 0;

    /// <summary>Rows of the packed W and R.</summary>
    protected int PackedRows { get; }

    /// <summary>Input index of what direction <paramref name="d"/> has at <paramref name="offset"/>: 0 W, 1 R, 2 bias …</summary>
    public int WeightIndex(int d, int offset) => _firstWeight + d * _weightsPerDirection + offset;

    /// <summary>W multiplies the input; R and a projection multiply states.</summary>
    public sealed override WeightUse UseOf(int input) => (input < _firstWeight ? -1 : (input - _firstWeight) % _weightsPerDirection) switch { 0 => WeightUse.Product, 1 or 4 => WeightUse.Recurrence, _ => WeightUse.None };

    public sealed override bool TryBatch(in Batching batch) => batch.Sequences(StateInputs);

    public sealed override void Infer(NodeContext context)
    {
        var x = Require.Dense(context.Input(0));
        if (x.Rank != 3) throw OperatorError.Rank(x, "[steps, batch, inputs]");
        int steps = x.Shape[0], batch = x.Shape[1], inputs = x.Shape[2];
        if (inputs < 1) throw OperatorError.Rank(x, "at least one input");
        if (context.Optional(1) is { } lengths)
        {
            Require.Dense(lengths, ElementType.Int32);
            if (lengths.Rank != 1 || lengths.Shape[0] != batch) throw OperatorError.Rank(lengths, $"[{batch}]");
        }

        var size = StateSize(context);
        if (size < 1) throw OperatorError.Arity("The projection has no outputs.");
        Require.Optional(context.Optional(2), Directions, batch, size);
        for (var d = 0; d < Directions; d++)
        {
            if (context.Optional(WeightIndex(d, 0)) is { } input) PackedProduct.Check(input, PackedRows, inputs);
            else if (inputs != Directions * PackedRows) throw OperatorError.Arity($"Without W, '{x.Name}' must hold input products, {Directions * PackedRows} a step and row; it holds {inputs}.");
            else if (context.Optional(WeightIndex(0, 0)) is not null) throw OperatorError.Arity("One direction has a W and the other has none.");
            PackedProduct.Check(context.Input(WeightIndex(d, 1)), PackedRows, size);
            CheckDirection(context, d, batch);
        }

        context.Kept ??= MakePasses(context);
        context.OptionalOutput(0)?.Set(ElementType.Float32, new Shape(steps, Directions, batch, size));
        context.OptionalOutput(1)?.Set(ElementType.Float32, new Shape(Directions, batch, size));
        InferCell(context, batch);
    }

    public sealed override long ScratchBytes(NodeContext context)
    {
        var cursor = new ScratchCursor(null);
        context.Kept ??= MakePasses(context);
        Plan(context, KeptBy(context, 0), ref cursor);
        return cursor.Bytes;
    }

    public sealed override double Work(NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        var (steps, work) = ((double)Math.Max(x[0], 1) * Math.Max(x[1], 1), base.Work(context));
        for (var d = 0; d < Directions; d++)
        {
            var columns = context.Input(WeightIndex(d, 1)).Layout.Columns + (context.Optional(WeightIndex(d, 0))?.Layout.Columns ?? 0);
            work += steps * (PackedRows * (columns / 16.0 + 8) + ProductWork(context, d));
        }

        return work;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public sealed override void Execute(NodeContext context)
    {
        var pass = KeptBy(context, 0);
        if (pass.IsWhole && Directions == 1 && IsPlanned(pass, context.Scratch))
        {
            pass.StepOnce();
            return;
        }

        CheckInputs(context);
        for (var d = 0; d < Directions; d++) ExecuteDirection(context, context.Scratch, d);
    }

    /// <summary>What <see cref="Execute"/> checks before it begins.</summary>
    /// <exception cref="ArgumentException">A sequence's length is out of range.</exception>
    public static void CheckInputs(NodeContext context)
    {
        if (context.Optional(1) is { } lengths) CheckLengths(lengths, context.Input(0).Shape[0]);
    }

    /// <summary>One direction, whose outputs no other touches.</summary>
    /// <param name="context">The layer's values, checked.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes that no other direction uses at the same time.</param>
    /// <param name="d">0, or 1 for the reverse one of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ExecuteDirection(NodeContext context, byte* scratch, int d)
    {
        var pass = KeptBy(context, d);
        if (!IsPlanned(pass, scratch))
        {
            var cursor = new ScratchCursor(scratch);
            Plan(context, pass, ref cursor);
            pass.Scratch = scratch;
        }

        if (pass.IsWhole) pass.StepOnce();
        else if (pass.Batch > 0) RunDirection(pass);
    }

    /// <summary>Size of the state h: the hidden units, or the projection's outputs.</summary>
    protected virtual int StateSize(NodeContext context) => Hidden;

    /// <summary>Checks bias and whatever else a direction has beside W and R.</summary>
    protected abstract void CheckDirection(NodeContext context, int d, int batch);

    /// <summary>Checks and sets what only LSTM has: the cell state.</summary>
    protected virtual void InferCell(NodeContext context, int batch)
    {
    }

    /// <summary>Cuts the layer's own scratch for one step of <paramref name="batch"/> rows into <see cref="RecurrentPass.Work"/> and others.</summary>
    protected virtual void PlanStep(NodeContext context, int batch, ref ScratchCursor cursor, RecurrentPass pass)
    {
    }

    /// <summary>Scratch of the products a step makes beside R · h.</summary>
    protected virtual long ProductBytes(NodeContext context, int d, int batch) => 0;

    /// <summary>Operations of these for one row and step (<see cref="Operator.Work"/>).</summary>
    protected virtual double ProductWork(NodeContext context, int d) => 0;

    /// <summary>Takes a direction's inputs and cell state.</summary>
    protected abstract void Begin(RecurrentPass pass);

    /// <summary>True where a step begins with <see cref="Recur"/>, which may then make the input product on the way.</summary>
    protected abstract bool StepBeginsWithRecurrence { get; }

    /// <summary>Completes <see cref="RecurrentPass.Whole"/> where a kernel computes whole steps of this layer's equations; otherwise false.</summary>
    protected virtual bool PlanWhole(RecurrentPass pass) => false;

    /// <summary>Leaves a direction's last cell state where it belongs.</summary>
    protected virtual void End(RecurrentPass pass)
    {
    }

    /// <summary>
    /// One time step of adjacent batch rows.
    /// </summary>
    /// <param name="pass">The direction being run.</param>
    /// <param name="gates">W·x + bias of these rows, packed order; may be overwritten.</param>
    /// <param name="row">First batch row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="h">State before, <paramref name="count"/> × S.</param>
    /// <param name="hOut">State after; may be <paramref name="h"/>.</param>
    protected abstract void Step(RecurrentPass pass, float* gates, int row, int count, float* h, float* hOut);

    private RecurrentPass[] MakePasses(NodeContext context)
    {
        var passes = new RecurrentPass[Directions];
        for (var d = 0; d < passes.Length; d++) passes[d] = new RecurrentPass(context, d, WeightIndex(d, 0));
        return passes;
    }

    private static RecurrentPass KeptBy(NodeContext context, int d) => Unsafe.As<RecurrentPass[]>(context.Kept!)[d];

    private void Plan(NodeContext context, RecurrentPass pass, ref ScratchCursor cursor)
    {
        var shape = pass.X.Shape;
        int steps = shape[0], batch = shape[1];
        pass.Scratch = null;
        pass.Steps = steps;
        pass.Batch = batch;
        pass.ChunkSteps = batch >= ChunkRows ? 1 : Math.Min(steps, ChunkRows / Math.Max(batch, 1));
        var rows = Math.Min((long)steps * batch, Math.Max(batch, ChunkRows));
        pass.StateSize = pass.Recurrence.Layout.Columns;
        pass.Gates = cursor.Floats(rows, PackedRows);
        pass.State = cursor.Floats(batch, pass.StateSize);
        var product = 0L;
        var single = 0L;
        for (var d = 0; d < Directions; d++)
        {
            product = Math.Max(product, PackedProduct.ScratchBytes(context.Input(WeightIndex(d, 1)), batch));
            product = Math.Max(product, ProductBytes(context, d, batch));
            if (context.Optional(WeightIndex(d, 0)) is not { } input) continue;
            product = Math.Max(product, PackedProduct.ScratchBytes(input, rows));
            single = Math.Max(single, PackedProduct.ScratchBytes(input, 1));
        }

        pass.Product = cursor.Take(product);
        pass.SingleProduct = cursor.Take(single);
        PlanStep(context, batch, ref cursor, pass);
        var w = pass.Input;
        var bytes = pass.Recurrence.Layout.PanelsBytes + (w is null ? 0 : w.Layout.PanelsBytes);
        pass.Whole = new RecurrentStep { Recurrence = pass.Recurrence.Floats, Units = Hidden };
        pass.StepsWhole = pass.Recurrence.Format == TensorFormat.PackedFloat32 && bytes <= pass.Kernels.MostStepBytes && HasBlocks(pass.Recurrence) && (w is null || HasBlocks(w)) && PlanWhole(pass);
        pass.IsWhole = pass.StepsWhole && steps == 1 && batch == 1 && w is null or { Format: TensorFormat.PackedFloat32 }
            && pass.Lengths is null && pass.FirstState is not null && (StateInputs == 1 || pass.FirstCell is not null);
        if (!pass.IsWhole || w is null) return;
        pass.Whole.Weights = w.Floats;
        pass.Whole.Inputs = w.Layout.Columns;
    }

    /// <summary>A panel of the matrix is a block of gates, as kernels of whole steps have it.</summary>
    private bool HasBlocks(Tensor w) => w.Layout.PanelRows == GateRows.Panel(_gates);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPlanned(RecurrentPass pass, byte* scratch)
    {
        ref readonly var shape = ref pass.X.Shape;
        return pass.Scratch == scratch && pass.Steps == shape[0] && pass.Batch == shape[1];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunDirection(RecurrentPass pass)
    {
        int steps = pass.Steps, batch = pass.Batch, d = pass.Direction;
        var stateCount = (nint)batch * pass.StateSize;
        var bias = pass.Bias is { } b ? b.Floats : null;
        var y = pass.Y is { } all ? all.Floats + d * stateCount : null;
        var final = pass.LastState is { } last ? last.Floats + d * stateCount : null;
        var initial = pass.FirstState is { } first ? first.Floats + d * stateCount : null;
        var lengths = pass.Lengths is { } l ? (int*)l.Data : null;
        var reverse = _direction == RecurrentDirection.Reverse || d == 1;
        var yStep = Directions * stateCount;
        var state = final != null ? final : pass.State;

        pass.Ragged = lengths != null;
        pass.StateIsZero = initial == null && lengths == null;
        Begin(pass);

        var h = initial;
        if (lengths != null || initial == null)
        {
            if (initial == null) new Span<float>(state, (int)stateCount).Clear();
            else Copy(initial, state, stateCount);
            h = state;
        }

        if (steps == 1 && batch == 1 && lengths == null && initial != null && StepBeginsWithRecurrence)
        {
            var to = y != null ? y : state;
            pass.IsInputPending = pass.Input is not null && !pass.StepsWhole;
            pass.InputBias = bias;
            if (!pass.IsInputPending) MakeInputProduct(pass, 0, 1, bias);
            Step(pass, pass.Gates, 0, 1, h, to);
            if (final != null && to != final) Copy(to, final, stateCount);
            End(pass);
            return;
        }

        var active = steps;
        if (lengths != null)
        {
            active = 0;
            for (var i = 0; i < batch; i++) active = Math.Max(active, lengths[i]);
            if (y != null)
            {
                for (var t = active; t < steps; t++) new Span<float>(y + t * yStep, (int)stateCount).Clear();
            }
        }

        for (var done = 0; done < active;)
        {
            var chunk = Math.Min(pass.ChunkSteps, active - done);
            var start = reverse ? active - done - chunk : done;
            MakeInputProduct(pass, start * batch, chunk * batch, bias);
            for (var s = 0; s < chunk; s++)
            {
                var offset = reverse ? chunk - 1 - s : s;
                var gates = pass.Gates + (nint)offset * batch * PackedRows;
                var yt = y == null ? null : y + (start + offset) * yStep;
                if (lengths != null)
                {
                    RaggedStep(pass, gates, start + offset, lengths, state, yt);
                    continue;
                }

                var hOut = yt != null ? yt : state;
                Step(pass, gates, 0, batch, h, hOut);
                pass.StateIsZero = false;
                h = hOut;
            }

            done += chunk;
        }

        if (final != null && h != final) Copy(h, final, stateCount);
        End(pass);
    }

    /// <summary>Gates = bias + W·x of adjacent rows of X.</summary>
    private void MakeInputProduct(RecurrentPass pass, int first, int rows, float* bias)
    {
        if (pass.Input is { } w)
        {
            nint inputs = w.Layout.Columns;
            PackedProduct.Multiply(pass.Kernels, w, 0, new FloatRows(pass.X.Floats + first * inputs, inputs, rows), new OutputRange(pass.Gates, PackedRows, PackedRows, bias), pass.Product);
            return;
        }

        nint stride = Directions * (nint)PackedRows;
        var from = pass.X.Floats + first * stride + pass.Direction * (nint)PackedRows;
        for (nint row = 0; row < rows; row++) Copy(from + row * stride, pass.Gates + row * PackedRows, PackedRows);
    }

    private void RaggedStep(RecurrentPass pass, float* gates, int t, int* lengths, float* state, float* yt)
    {
        var size = pass.StateSize;
        for (var row = 0; row < pass.Batch;)
        {
            var end = row;
            while (end < pass.Batch && lengths[end] > t) end++;
            if (end == row)
            {
                if (yt != null) new Span<float>(yt + (nint)row * size, size).Clear();
                row++;
                continue;
            }

            var h = state + (nint)row * size;
            Step(pass, gates + (nint)row * PackedRows, row, end - row, h, h);
            if (yt != null) Copy(h, yt + (nint)row * size, (nint)(end - row) * size);
            row = end;
        }
    }

    /// <summary>
    /// y = init + R·h; <paramref name="bounded"/> where the layer's equations keep h in [-1, 1]. Of a single step, gates = bias + W·x
    /// before it, block by block of outputs.
    /// </summary>
    /// <remarks>
    /// A single row walks over its weights up and down in turn: what the last step read last, and is still in a near cache, is read
    /// first. Each output's own sum is unchanged.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected void Recur(RecurrentPass pass, float* h, int count, bool bounded, float* init, nint ldinit, float* y)
    {
        if (count > 1 && !bounded)
        {
            PackedProduct.Multiply(pass.Kernels, pass.Recurrence, 0, new FloatRows(h, pass.StateSize, count), new OutputRange(y, PackedRows, PackedRows, init, ldinit), pass.Product);
            return;
        }

        var state = bounded ? PackedProduct.PrepareState(pass.Kernels, pass.Recurrence, h, count, pass.Product) : PackedProduct.Prepare(pass.Kernels, pass.Recurrence, new FloatRows(h, pass.StateSize, 1), pass.Product);
        if (count > 1)
        {
            state.Multiply(pass.Kernels, 0, new OutputRange(y, PackedRows, PackedRows, init, ldinit));
            return;
        }

        var input = default(PackedProduct.Factor);
        var isPending = pass.IsInputPending;
        if (isPending) input = PackedProduct.Prepare(pass.Kernels, pass.Input!, new FloatRows(pass.X.Floats, 0, 1), pass.SingleProduct);
        pass.IsInputPending = false;
        ref var isDescending = ref pass.Whole.IsDescending;
        isDescending = !isDescending;
        for (var done = 0; done < PackedRows; done += BlockRows)
        {
            var from = isDescending ? (PackedRows - 1 - done) / BlockRows * BlockRows : done;
            var to = Math.Min(from + BlockRows, PackedRows);
            if (isPending) input.Multiply(pass.Kernels, 0, new OutputRange(pass.Gates, 0, to, pass.InputBias, from: from));
            state.Multiply(pass.Kernels, 0, new OutputRange(y, 0, to, init, from: from));
        }
    }

    /// <summary>Limits x to [-clip, clip], where the layer clips.</summary>
    protected void ApplyClip(RecurrentPass pass, float* x, nint n)
    {
        if (Clip == 0) return;
        pass.Kernels.Binary(BinaryFunction.Max, x, 1, pass.Constants + 16, 0, x, n);
        pass.Kernels.Binary(BinaryFunction.Min, x, 1, pass.Constants, 0, x, n);
    }

    /// <summary>Copies one gate out of interleaved blocks: <see cref="PaddedHidden"/> values.</summary>
    protected void Gather(float* gates, int gate, float* plane)
    {
        for (var unit = 0; unit < Hidden; unit += GateRows.BlockUnits) Copy(gates + GateRows.Of(_gates, gate, unit, Hidden), plane + unit, GateRows.Width(unit, Hidden));
    }

    /// <summary>Clip, -clip and 1, one to a block of 16, for kernels that repeat one operand.</summary>
    protected static void PlanConstants(ref ScratchCursor cursor, RecurrentPass pass) => pass.Constants = cursor.Floats(3 * KernelSet.Lanes);

    protected void SetConstants(RecurrentPass pass)
    {
        pass.Constants[0] = Clip;
        pass.Constants[16] = -Clip;
        pass.Constants[32] = 1;
    }

    protected static void Copy(float* from, float* to, nint count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));

    private static void CheckLengths(Tensor lengths, int steps)
    {
        foreach (var length in lengths.AsSpan<int>())
        {
            if ((uint)length > (uint)steps) throw OperatorError.Value($"'{lengths.Name}' holds the length {length}; expected 0 to {steps}.");
        }
    }
}
