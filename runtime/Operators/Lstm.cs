using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Long short-term memory as ONNX's LSTM, with an optional projection (LSTMP):
/// i = f(Wi·x + Ri·h + Pi⊙c + bi), f = f(Wf·x + Rf·h + Pf⊙c + bf), g = g(Wg·x + Rg·h + bg), c' = f⊙c + i⊙g,
/// o = f(Wo·x + Ro·h + Po⊙c' + bo), h' = o⊙h(c'), then h' = Wp·h' where there is a projection.
/// </summary>
/// <remarks>
/// <para>Inputs beside those of <see cref="Recurrent"/>: 3 initial_c [D, N, H] (optional); per direction d from 4 + 5d: W packed
/// [rows, I], R packed [rows, S], bias Wb + Rb [rows] (optional), peephole [3, H] in order i, f, o (optional), projection packed
/// [P, H] (optional). Gates of a block in order i, f, g, o. Output 2: Y_c [D, N, H].</para>
/// <para>Activations f, g, h are sigmoid, tanh, tanh unless named otherwise. CellClip limits the inputs of f and g (as ONNX
/// Runtime does; c' itself is not limited). InputForget couples the gates: f = 1 - i.</para>
/// <para>Standard gates run in the fused cell kernel. With int8 or int4 weights a state that fills [-1, 1] takes the fixed
/// scale 1/127 where f, h are sigmoid, tanh and there is no projection, any other its measured range. Sources: ONNX operator LSTM;
/// Hochreiter and Schmidhuber (1997); Gers et al. (2000); Sak et al., arXiv 1402.1128.</para>
/// </remarks>
internal sealed unsafe class Lstm : Recurrent
{
    private const int InitialCell = 3;
    private const int Functions = 3;
    private readonly RecurrentActivation[] _activations;
    private readonly bool _inputForget;

    /// <summary>Directions whose gates the fused cell has, and whose equations bound the state, both as far as attributes tell.</summary>
    private readonly bool[] _isStandard;
    private readonly bool[] _isBounding;

    public Lstm(Attributes attributes)
        : base(attributes, 4, 4, 5)
    {
        _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Sigmoid, UnaryFunction.Tanh, UnaryFunction.Tanh);
        _inputForget = attributes.Bool(AttributeKey.InputForget, false);
        _isStandard = new bool[Directions];
        _isBounding = new bool[Directions];
        for (var d = 0; d < Directions; d++)
        {
            _isStandard[d] = Clip == 0 && !_inputForget && Is(d, UnaryFunction.Sigmoid, UnaryFunction.Tanh, UnaryFunction.Tanh);
            _isBounding[d] = _activations[d * Functions].Function == UnaryFunction.Sigmoid && _activations[d * Functions + 2].Function == UnaryFunction.Tanh;
        }
    }

    protected override int StateSize(NodeContext context) =>
        context.Optional(WeightIndex(0, 4)) is { } projection ? projection.Layout.Rows : Hidden;

    protected override void CheckDirection(NodeContext context, int d, int batch)
    {
        Require.Optional(context.Optional(WeightIndex(d, 2)), PackedRows);
        Require.Optional(context.Optional(WeightIndex(d, 3)), 3, Hidden);
        var projection = context.Optional(WeightIndex(d, 4));
        if (projection is not null) PackedProduct.Check(projection, StateSize(context), Hidden);
        else if (StateSize(context) != Hidden) throw OperatorError.Arity("One direction of the LSTM has a projection and the other has none.");
    }

    protected override void InferCell(NodeContext context, int batch)
    {
        if (context.Optional(WeightIndex(0, 4)) is null && Directions == 2 && context.Optional(WeightIndex(1, 4)) is not null)
            throw OperatorError.Arity("One direction of the LSTM has a projection and the other has none.");
        Require.Optional(context.Optional(InitialCell), Directions, batch, Hidden);
        context.OptionalOutput(2)?.Set(ElementType.Float32, new Shape(Directions, batch, Hidden));
    }

    protected override long ProductBytes(NodeContext context, int d, int batch) =>
        context.Optional(WeightIndex(d, 4)) is { } projection ? PackedProduct.ScratchBytes(projection, batch) : 0;

    protected override double ProductWork(NodeContext context, int d) =>
        context.Optional(WeightIndex(d, 4)) is { } projection ? PackedProduct.Work(projection, 1) : 0;

    protected override void PlanStep(NodeContext context, int batch, ref ScratchCursor cursor, RecurrentPass pass)
    {
        pass.FirstCell = context.Optional(InitialCell);
        pass.LastCell = context.OptionalOutput(2);
        pass.PeepholeWeights = context.Optional(WeightIndex(pass.Direction, 3));
        pass.Projection = context.Optional(WeightIndex(pass.Direction, 4));
        pass.CellScratch = cursor.Floats(batch, Hidden);
        pass.Projected = cursor.Floats(batch, Hidden);
        pass.Work = cursor.Floats(5, PaddedHidden);
        PlanConstants(ref cursor, pass);
    }

    protected override bool StepBeginsWithRecurrence => true;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Begin(RecurrentPass pass)
    {
        var d = pass.Direction;
        var count = (nint)pass.Batch * Hidden;
        var initial = pass.FirstCell is { } c ? c.Floats + d * count : null;
        pass.CellOut = pass.LastCell is { } y ? y.Floats + d * count : pass.CellScratch;
        pass.Cell = initial;
        if (initial == null) new Span<float>(pass.CellOut, (int)count).Clear();
        else if (pass.Ragged) Copy(initial, pass.CellOut, count);
        if (initial == null || pass.Ragged) pass.Cell = pass.CellOut;

        pass.Peephole = pass.PeepholeWeights is { } p ? p.Floats : null;
        pass.IsFused = pass.Peephole == null && _isStandard[d];
        pass.IsBounding = pass.Projection is null && _isBounding[d];
        if (!pass.IsFused) SetConstants(pass);
    }

    protected override void End(RecurrentPass pass)
    {
        if (pass.Cell != pass.CellOut) Copy(pass.Cell, pass.CellOut, (nint)pass.Batch * Hidden);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Step(RecurrentPass pass, float* gates, int row, int count, float* h, float* hOut)
    {
        var cell = pass.Cell + (nint)row * Hidden;
        var cellOut = pass.CellOut + (nint)row * Hidden;
        if (count == 1 && pass.StepsWhole && !pass.StateIsZero)
        {
            pass.Whole.Cell = cell;
            pass.Whole.CellOut = cellOut;
            pass.StepFrom(gates, h, hOut, pass.Projected);
            pass.Cell = pass.CellOut;
            return;
        }

        if (!pass.StateIsZero) Recur(pass, h, count, pass.IsBounding, gates, PackedRows, gates);
        var target = pass.Projection is null ? hOut : pass.Projected;
        if (!pass.IsFused)
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                ComposedCell(pass, gates + (nint)i * PackedRows, cell + unit, cellOut + unit, target + unit);
            }
        }
        else if (HasWholeBlocks)
        {
            pass.Kernels.LstmCell(gates, cell, cellOut, target, count * Hidden);
        }
        else
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                pass.Kernels.LstmCell(gates + (nint)i * PackedRows, cell + unit, cellOut + unit, target + unit, Hidden);
            }
        }

        if (pass.Projection is { } projection)
            PackedProduct.Multiply(pass.Kernels, projection, 0, new FloatRows(target, Hidden, count), new OutputRange(hOut, pass.StateSize, pass.StateSize), pass.Product);
        pass.Cell = pass.CellOut;
    }

    protected override bool PlanWhole(RecurrentPass pass) => pass.PeepholeWeights is null && pass.Projection is null && _isStandard[pass.Direction];

    /// <summary>The same cell from single kernels, for everything the fused one does not have.</summary>
    private void ComposedCell(RecurrentPass pass, float* gates, float* cell, float* cellOut, float* hOut)
    {
        var kernels = pass.Kernels;
        var n = Hidden;
        var activations = _activations.AsSpan(pass.Direction * Functions, Functions);
        var input = pass.Work;
        var forget = input + PaddedHidden;
        var candidate = forget + PaddedHidden;
        var output = candidate + PaddedHidden;
        var temporary = output + PaddedHidden;
        Gather(gates, 0, input);
        Gather(gates, 1, forget);
        Gather(gates, 2, candidate);
        Gather(gates, 3, output);

        AddPeephole(pass, 0, cell, input, temporary);
        ApplyClip(pass, input, n);
        activations[0].Apply(kernels, input, input, n);
        if (_inputForget)
        {
            kernels.Binary(BinaryFunction.Sub, pass.Constants + 32, 0, input, 1, forget, n);
        }
        else
        {
            AddPeephole(pass, 1, cell, forget, temporary);
            ApplyClip(pass, forget, n);
            activations[0].Apply(kernels, forget, forget, n);
        }

        ApplyClip(pass, candidate, n);
        activations[1].Apply(kernels, candidate, candidate, n);

        kernels.Binary(BinaryFunction.Mul, forget, 1, cell, 1, forget, n);
        kernels.Binary(BinaryFunction.Mul, input, 1, candidate, 1, input, n);
        kernels.Binary(BinaryFunction.Add, forget, 1, input, 1, cellOut, n);

        AddPeephole(pass, 2, cellOut, output, temporary);
        ApplyClip(pass, output, n);
        activations[0].Apply(kernels, output, output, n);
        activations[2].Apply(kernels, cellOut, temporary, n);
        kernels.Binary(BinaryFunction.Mul, output, 1, temporary, 1, hOut, n);
    }

    private void AddPeephole(RecurrentPass pass, int gate, float* cell, float* plane, float* temporary)
    {
        if (pass.Peephole == null) return;
        pass.Kernels.Binary(BinaryFunction.Mul, pass.Peephole + (nint)gate * Hidden, 1, cell, 1, temporary, Hidden);
        pass.Kernels.Binary(BinaryFunction.Add, plane, 1, temporary, 1, plane, Hidden);
    }

    private bool Is(int d, UnaryFunction f, UnaryFunction g, UnaryFunction h) =>
        _activations[d * Functions].Function == f && _activations[d * Functions + 1].Function == g && _activations[d * Functions + 2].Function == h;
}
