using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Long short-term memory as ONNX's LSTM, with an optional projection (LSTMP):
/// i = f(Wi·x + Ri·h + Pi⊙c + bi), f = f(Wf·x + Rf·h + Pf⊙c + bf), g = g(Wg·x + Rg·h + bg), c' = f⊙c + i⊙g,
/// o = f(Wo·x + Ro·h + Po⊙c' + bo), h' = o⊙h(c'), then h' = Wp·h' if there is a projection.
/// </summary>
/// <remarks>
/// <para>Inputs besides those of <see cref="Recurrent"/>: 3 initial_c [D, N, H] (optional); per direction d from 4 + 5d: W packed
/// [rows, I], R packed [rows, S], bias Wb + Rb [rows] (optional), peephole [3, H] in order i, f, o (optional), projection packed
/// [P, H] (optional). Gates of a block in order i, f, g, o. Output 2: Y_c [D, N, H].</para>
/// <para>Activations f, g, h are sigmoid, tanh, tanh unless named otherwise. CellClip limits the inputs of f and g (as ONNX
/// Runtime does; it does not limit c'). InputForget couples the gates: f = 1 - i.</para>
/// <para>Standard gates run in the fused cell kernel. With int8 or int4 weights a state that fills [-1, 1] takes the fixed
/// scale 1/127 if f and h are sigmoid and tanh and there is no projection; other states take their measured range. Sources: ONNX operator LSTM;
/// Hochreiter and Schmidhuber (1997); Gers et al. (2000); Sak et al., arXiv 1402.1128.</para>
/// </remarks>
internal sealed unsafe class Lstm : Recurrent
{
    private const int Functions = 3;
    private readonly RecurrentActivation[] _activations;
    private readonly bool _inputForget;

    public Lstm(Attributes attributes)
        : base(attributes, new RecurrentForm { Gates = 4, Weights = 5, HasHidden = true, HasCell = true, BeginsWithRecurrence = true })
    {
        _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Sigmoid, UnaryFunction.Tanh, UnaryFunction.Tanh);
        _inputForget = attributes.Bool(AttributeKey.InputForget, false);
    }

    public override int StateSize(NodeContext context) =>
        context.Optional(WeightIndex(0, 4)) is { } projection ? projection.Layout.Rows : Hidden;

    protected override void CheckDirection(NodeContext context, int d)
    {
        Require.Optional(context.Optional(WeightIndex(d, 3)), 3, Hidden);
        var projection = context.Optional(WeightIndex(d, 4));
        if (projection is null != context.Optional(WeightIndex(0, 4)) is null) throw OperatorError.Arity("One direction of the LSTM has a projection and the other has none.");
        if (projection is not null) PackedProduct.Check(projection, StateSize(context), Hidden);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override RecurrentPlaces PlacesFor(int batch) => new(RecurrentRows: 0, SpareRows: batch, Planes: 5);

    public override RecurrentMode ModeOf(RecurrentPass pass)
    {
        var isStandard = Clip == 0 && !_inputForget && pass.Vectors is null && Is(pass, 0, UnaryFunction.Sigmoid) && Is(pass, 1, UnaryFunction.Tanh) && Is(pass, 2, UnaryFunction.Tanh);
        return !isStandard ? RecurrentMode.Composed : pass.Projection is null ? RecurrentMode.WholeStep : RecurrentMode.Fused;
    }

    public override bool IsBounded(RecurrentPass pass) => pass.Projection is null && Is(pass, 0, UnaryFunction.Sigmoid) && Is(pass, 2, UnaryFunction.Tanh);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        var gates = rows.Gates;
        var count = rows.Count;
        if (!rows.IsHiddenZero) pass.MultiplyState(rows.Hidden, count, pass.IsBounded, gates, PackedRows, gates);
        var target = pass.Projection is null ? rows.HiddenOut : pass.Plan.Spare;
        if (pass.Plan.Mode == RecurrentMode.Composed)
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                ComposedCell(pass, gates + (nint)i * PackedRows, rows.Cell + unit, rows.CellOut + unit, target + unit);
            }
        }
        else if (HasWholeBlocks)
        {
            pass.Kernels.LstmCell(gates, rows.Cell, rows.CellOut, target, count * Hidden);
        }
        else
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                pass.Kernels.LstmCell(gates + (nint)i * PackedRows, rows.Cell + unit, rows.CellOut + unit, target + unit, Hidden);
            }
        }

        if (pass.Projection is { } projection)
            PackedProduct.Multiply(pass.Kernels, projection, 0, new FloatRows(target, Hidden, count), new OutputRange(rows.HiddenOut, pass.StateSize, pass.StateSize), pass.Plan.Product);
    }

    /// <summary>The same cell from several kernels, for settings that the fused kernel does not support.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComposedCell(RecurrentPass pass, float* gates, float* cell, float* cellOut, float* hOut)
    {
        var kernels = pass.Kernels;
        var n = Hidden;
        var activations = _activations.AsSpan(pass.Direction * Functions, Functions);
        var input = pass.Plan.Planes;
        var forget = input + PaddedHidden;
        var candidate = forget + PaddedHidden;
        var output = candidate + PaddedHidden;
        var temporary = output + PaddedHidden;
        pass.Gather(gates, 0, input);
        pass.Gather(gates, 1, forget);
        pass.Gather(gates, 2, candidate);
        pass.Gather(gates, 3, output);

        AddPeephole(pass, 0, cell, input, temporary);
        pass.Activate(activations[0], input, input, n);
        if (_inputForget)
        {
            kernels.Binary(BinaryFunction.Sub, pass.Plan.One, 0, input, 1, forget, n);
        }
        else
        {
            AddPeephole(pass, 1, cell, forget, temporary);
            pass.Activate(activations[0], forget, forget, n);
        }

        pass.Activate(activations[1], candidate, candidate, n);

        kernels.Binary(BinaryFunction.Mul, forget, 1, cell, 1, forget, n);
        kernels.Binary(BinaryFunction.Mul, input, 1, candidate, 1, input, n);
        kernels.Binary(BinaryFunction.Add, forget, 1, input, 1, cellOut, n);

        AddPeephole(pass, 2, cellOut, output, temporary);
        pass.Activate(activations[0], output, output, n);
        activations[2].Apply(kernels, cellOut, temporary, n);
        kernels.Binary(BinaryFunction.Mul, output, 1, temporary, 1, hOut, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddPeephole(RecurrentPass pass, int gate, float* cell, float* plane, float* temporary)
    {
        if (pass.Vectors is not { } peephole) return;
        pass.Kernels.Binary(BinaryFunction.Mul, peephole.Floats + (nint)gate * Hidden, 1, cell, 1, temporary, Hidden);
        pass.Kernels.Binary(BinaryFunction.Add, plane, 1, temporary, 1, plane, Hidden);
    }

    private bool Is(RecurrentPass pass, int function, UnaryFunction expected) => _activations[pass.Direction * Functions + function].Function == expected;
}
