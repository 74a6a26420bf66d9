using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// What recurrent layers have in common: inputs, shapes, directions and sequence lengths. A layer says in its <see cref="RecurrentForm"/>
/// what its equations are made of and computes one step of some rows; <see cref="RecurrentPlan"/> holds what depends on sizes,
/// <see cref="RecurrentDriver"/> goes over the steps.
/// </summary>
/// <remarks>
/// <para>T steps, N batch rows, I inputs, H hidden units, D directions, S state size (H, or the projection's P).</para>
/// <para>Inputs: 0 X [T, N, I]; 1 sequence_lens int32 [N] (optional); from 2 the first states (each optional): the hidden state [D, N, S],
/// then the cell state [D, N, H], as far as the layer has them; then for each direction W packed [rows, I], R packed [rows, S], bias [rows]
/// or [2, rows] (optional), and what the layer has beside them. Outputs, each optional: Y [T, D, N, S], then the last states.</para>
/// <para>W may be omitted. X is then [T, N, D·rows] and already holds W·x + bias, rows in packed order, direction after
/// direction (a table of them replaces an embedding and its product). R is left out where the layer has no hidden state.</para>
/// <para>Packed rows are in the order of <see cref="GateRows"/>: gates interleaved by blocks of 16 units.</para>
/// <para>With sequence_lens row i runs over its first len[i] steps (the reverse direction starts at step len[i] - 1); Y is 0
/// beyond, the last states are those at the row's last valid step.</para>
/// </remarks>
internal abstract unsafe class Recurrent : Operator
{
    private const int MaxHidden = 1 << 24;
    private readonly RecurrentDirection _direction;

    protected Recurrent(Attributes attributes, RecurrentForm form)
    {
        Hidden = attributes.Int32(AttributeKey.Hidden, 0);
        if (Hidden is < 1 or > MaxHidden) throw OperatorError.Attribute($"Hidden = {Hidden}; expected 1 to {MaxHidden}.");
        _direction = attributes.Enum(AttributeKey.Direction, RecurrentDirection.Forward);
        Clip = attributes.Float(AttributeKey.CellClip, 0);
        if (!(Clip >= 0)) throw OperatorError.Attribute($"CellClip = {Clip}; expected 0 (none) or more.");
        Form = form;
        Directions = _direction == RecurrentDirection.Bidirectional ? 2 : 1;
        PaddedHidden = GateRows.PadUnits(Hidden);
        PackedRows = GateRows.Count(form.Gates, Hidden);
    }

    public RecurrentForm Form { get; }

    public bool IsBidirectional => Directions == 2;

    public bool IsForward => _direction == RecurrentDirection.Forward;

    public int Hidden { get; }

    public int Directions { get; }

    /// <summary>Bound of the activations' inputs, 0 for none.</summary>
    public float Clip { get; }

    /// <summary>Hidden units with padding.</summary>
    public int PaddedHidden { get; }

    /// <summary>Rows of the packed W and R.</summary>
    public int PackedRows { get; }

    /// <summary>Whether all blocks of gates are whole. The blocks of all batch rows can then be computed like the blocks of one row.</summary>
    protected bool HasWholeBlocks => Hidden % GateRows.BlockUnits == 0;

    /// <summary>Input index for direction <paramref name="d"/>; <paramref name="offset"/> is 0 for W, 1 for R, 2 for the bias …</summary>
    public int WeightIndex(int d, int offset) => Form.FirstWeight + d * Form.Weights + offset;

    /// <summary>Whether direction <paramref name="d"/> goes from the last step to the first.</summary>
    public bool IsReverse(int d) => d == 1 || _direction == RecurrentDirection.Reverse;

    /// <summary>W multiplies the input; R and a projection multiply states.</summary>
    public sealed override WeightUse UseOf(int input) => (input < Form.FirstWeight ? -1 : (input - Form.FirstWeight) % Form.Weights) switch { 0 => WeightUse.Product, 1 when Form.HasHidden => WeightUse.Recurrence, 4 => WeightUse.Recurrence, _ => WeightUse.None };

    public sealed override bool TryBatch(in Batching batch) => batch.Sequences(Form.States);

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
        for (var state = 0; state < Form.States; state++) Require.Optional(context.Optional(2 + state), Directions, batch, SizeOf(state, size));
        for (var d = 0; d < Directions; d++)
        {
            if (context.Optional(WeightIndex(d, 0)) is { } input) PackedProduct.Check(input, PackedRows, inputs);
            else if (inputs != Directions * PackedRows) throw OperatorError.Arity($"Without W, '{x.Name}' must hold {Directions * PackedRows} input products for each step and row; it holds {inputs}.");
            else if (context.Optional(WeightIndex(0, 0)) is not null) throw OperatorError.Arity("One direction has a W and the other has none.");
            if (Form.HasHidden) PackedProduct.Check(context.Input(WeightIndex(d, 1)), PackedRows, size);
            else if (context.Optional(WeightIndex(d, 1)) is { } r) throw OperatorError.Arity($"The layer has no hidden state to multiply by '{r.Name}'.");
            if (Form.HasTwoBiases) Require.Optional(context.Optional(WeightIndex(d, 2)), 2, PackedRows);
            else Require.Optional(context.Optional(WeightIndex(d, 2)), PackedRows);
            CheckDirection(context, d);
        }

        context.Kept ??= MakePasses(context);
        context.OptionalOutput(0)?.Set(ElementType.Float32, new Shape(steps, Directions, batch, size));
        for (var state = 0; state < Form.States; state++) context.OptionalOutput(1 + state)?.Set(ElementType.Float32, new Shape(Directions, batch, SizeOf(state, size)));
    }

    public sealed override bool UsesScratch(NodeContext context) => true;

    public sealed override long ScratchBytes(NodeContext context)
    {
        var bytes = 0L;
        for (var d = 0; d < Directions; d++) bytes = Math.Max(bytes, new RecurrentPlan(PassOf(context, d), null).Bytes);
        return bytes;
    }

    public sealed override double Work(NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        var (steps, work) = ((double)Math.Max(x[0], 1) * Math.Max(x[1], 1), base.Work(context));
        for (var d = 0; d < Directions; d++)
        {
            var pass = PassOf(context, d);
            var columns = Columns(pass.Recurrence) + Columns(pass.Input);
            work += steps * (PackedRows * (columns / 16.0 + 8) + (pass.Projection is { } projection ? PackedProduct.Work(projection, 1) : 0));
        }

        return work;
    }

    /// <summary>Multiply-accumulates of one step of one direction at its current sizes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public double WorkOfStep(NodeContext context)
    {
        var pass = PassOf(context, 0);
        return (Columns(pass.Recurrence) + (double)Columns(pass.Input)) * PackedRows * pass.X.Shape[1];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public sealed override void Execute(NodeContext context)
    {
        var pass = PassOf(context, 0);
        if (pass.Plan.Run == RecurrentRun.OneKernel && Directions == 1 && pass.IsPlanned(context.Scratch))
        {
            pass.StepOnce();
            return;
        }

        CheckInputs(context);
        for (var d = 0; d < Directions; d++) ExecuteDirection(context, context.Scratch, d);
    }

    /// <summary>The checks at the start of <see cref="Execute"/>.</summary>
    /// <exception cref="ArgumentException">A sequence's length is out of range.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CheckInputs(NodeContext context)
    {
        if (context.Optional(1) is { } lengths) CheckLengths(lengths, context.Input(0).Shape[0]);
    }

    /// <summary>Runs one direction. No other direction writes its outputs.</summary>
    /// <param name="context">The layer's values, checked.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes that no other direction uses at the same time.</param>
    /// <param name="d">The direction: 0, or 1 for the reverse direction of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExecuteDirection(NodeContext context, byte* scratch, int d)
    {
        var pass = PassOf(context, d);
        if (!pass.IsPlanned(scratch)) pass.Renew(scratch);
        RecurrentDriver.Run(pass);
    }

    /// <summary>Size of the hidden state, and of what the layer puts out: the hidden units, or the projection's outputs.</summary>
    public virtual int StateSize(NodeContext context) => Hidden;

    /// <summary>The fastest mode that has a direction's equations.</summary>
    public abstract RecurrentMode ModeOf(RecurrentPass pass);

    /// <summary>True if a direction's equations keep the hidden state within [-1, 1] once it is inside.</summary>
    public virtual bool IsBounded(RecurrentPass pass) => false;

    /// <summary>Scratch of the layer's own for a step of <paramref name="batch"/> rows.</summary>
    public abstract RecurrentPlaces PlacesFor(int batch);

    /// <summary>One time step of adjacent batch rows, by products and cell.</summary>
    public abstract void Step(RecurrentPass pass, in RecurrentRows rows);

    /// <summary>Checks whatever a direction has beside W, R and bias.</summary>
    protected virtual void CheckDirection(NodeContext context, int d)
    {
    }

    private RecurrentPass[] MakePasses(NodeContext context)
    {
        var passes = new RecurrentPass[Directions];
        for (var d = 0; d < passes.Length; d++) passes[d] = new RecurrentPass(this, context, d);
        return passes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RecurrentPass PassOf(NodeContext context, int d) => ((RecurrentPass[])context.Kept!)[d];

    /// <summary>The size of state <paramref name="state"/> of those that the layer has.</summary>
    private int SizeOf(int state, int hiddenSize) => state == 0 && Form.HasHidden ? hiddenSize : Hidden;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Columns(Tensor? w) => w?.Layout.Columns ?? 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CheckLengths(Tensor lengths, int steps)
    {
        foreach (var length in lengths.AsSpan<int>())
        {
            if ((uint)length > (uint)steps) throw OperatorError.Value($"'{lengths.Name}' holds the length {length}; expected 0 to {steps}.");
        }
    }
}
