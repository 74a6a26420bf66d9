using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Gated recurrent unit as ONNX's GRU: r = f(Wr·x + Rr·h + br), z = f(Wz·x + Rz·h + bz), h' = (1 - z)⊙n + z⊙h, where
/// n = g(Wn·x + Wbn + r⊙(Rn·h + Rbn)) with LinearBeforeReset (cuDNN, PyTorch, Keras' reset_after) and
/// n = g(Wn·x + Rn·(r⊙h) + Wbn + Rbn) without.
/// </summary>
/// <remarks>
/// <para>Inputs beside those of <see cref="Recurrent"/>, per direction d from 3 + 3d: W packed [rows, I], R packed [rows, H],
/// bias [2, rows] (optional): row 0 is added to W·x, row 1 to R·h (Rbn where LinearBeforeReset, else zeros). Gates of a block in order r, z, n.</para>
/// <para>Activations f, g are sigmoid, tanh unless named otherwise; CellClip limits their inputs. Standard gates with
/// LinearBeforeReset run in the fused cell kernel. With int8 or int4 weights and g = tanh, f = sigmoid a state that fills [-1, 1] takes the fixed scale
/// 1/127, a smaller one and r⊙h their measured range. Without LinearBeforeReset such weights are read twice a step (their matrix has its scales
/// behind its tiles, so no part of it stands alone). Sources: ONNX operator GRU; Cho et al., arXiv 1406.1078.</para>
/// </remarks>
internal sealed unsafe class Gru : Recurrent
{
    private const int Functions = 2;
    private readonly RecurrentActivation[] _activations;
    private readonly bool _linearBeforeReset;

    public Gru(Attributes attributes)
        : base(attributes, 3, 3, 3)
    {
        _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Sigmoid, UnaryFunction.Tanh);
        _linearBeforeReset = attributes.Bool(AttributeKey.LinearBeforeReset, false);
    }

    protected override void CheckDirection(NodeContext context, int d, int batch) =>
        Require.Optional(context.Optional(WeightIndex(d, 2)), 2, PackedRows);

    protected override void PlanStep(NodeContext context, int batch, ref ScratchCursor cursor, RecurrentPass pass)
    {
        pass.Recurrent = cursor.Floats(batch, PackedRows);
        pass.Reset = cursor.Floats(batch, Hidden);
        pass.Work = cursor.Floats(batch + 3L, PaddedHidden);
        PlanConstants(ref cursor, pass);
    }

    protected override bool StepBeginsWithRecurrence => _linearBeforeReset;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Begin(RecurrentPass pass)
    {
        var d = pass.Direction;
        pass.RecurrentBias = pass.Bias is { } bias ? bias.Floats + PackedRows : null;
        pass.IsBounding = IsStandard(d);
        pass.IsFused = IsFused(pass);
        if (!pass.IsFused) SetConstants(pass);
    }

    private bool IsStandard(int d) =>
        _activations[d * Functions].Function == UnaryFunction.Sigmoid && _activations[d * Functions + 1].Function == UnaryFunction.Tanh;

    private bool IsFused(RecurrentPass pass) => _linearBeforeReset && Clip == 0 && IsStandard(pass.Direction);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Step(RecurrentPass pass, float* gates, int row, int count, float* h, float* hOut)
    {
        if (_linearBeforeReset) ResetAfterProduct(pass, gates, count, h, hOut);
        else ResetBeforeProduct(pass, gates, count, h, hOut);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ResetAfterProduct(RecurrentPass pass, float* gates, int count, float* h, float* hOut)
    {
        if (count == 1 && pass.StepsWhole && !pass.StateIsZero)
        {
            pass.StepFrom(gates, h, hOut, pass.Reset);
            return;
        }

        var recurrent = pass.Recurrent;
        if (!pass.StateIsZero)
        {
            Recur(pass, h, count, pass.IsBounding, pass.RecurrentBias, 0, recurrent);
        }
        else if (pass.RecurrentBias == null)
        {
            new Span<float>(recurrent, count * PackedRows).Clear();
        }
        else
        {
            for (var i = 0; i < count; i++) Copy(pass.RecurrentBias, recurrent + (nint)i * PackedRows, PackedRows);
        }

        if (!pass.IsFused)
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                ComposedCell(pass, gates + (nint)i * PackedRows, recurrent + (nint)i * PackedRows, h + unit, hOut + unit);
            }
        }
        else if (HasWholeBlocks)
        {
            pass.Kernels.GruCell(gates, recurrent, h, hOut, count * Hidden);
        }
        else
        {
            for (var i = 0; i < count; i++)
            {
                var unit = (nint)i * Hidden;
                pass.Kernels.GruCell(gates + (nint)i * PackedRows, recurrent + (nint)i * PackedRows, h + unit, hOut + unit, Hidden);
            }
        }
    }

    protected override bool PlanWhole(RecurrentPass pass)
    {
        pass.Whole.RecurrentBias = pass.Bias is { } bias ? bias.Floats + PackedRows : null;
        return IsFused(pass);
    }

    private void ComposedCell(RecurrentPass pass, float* gates, float* recurrent, float* h, float* hOut)
    {
        var kernels = pass.Kernels;
        var update = pass.Work;
        var reset = update + PaddedHidden;
        var candidate = reset + PaddedHidden;
        var product = candidate + PaddedHidden;
        Gather(gates, 0, reset);
        Gather(recurrent, 0, product);
        kernels.Binary(BinaryFunction.Add, reset, 1, product, 1, reset, Hidden);
        Activate(pass, 0, reset);
        Gather(gates, 1, update);
        Gather(recurrent, 1, product);
        kernels.Binary(BinaryFunction.Add, update, 1, product, 1, update, Hidden);
        Activate(pass, 0, update);
        Gather(gates, 2, candidate);
        Gather(recurrent, 2, product);
        kernels.Binary(BinaryFunction.Mul, reset, 1, product, 1, product, Hidden);
        kernels.Binary(BinaryFunction.Add, candidate, 1, product, 1, candidate, Hidden);
        Activate(pass, 1, candidate);
        Blend(kernels, update, candidate, product, h, hOut);
    }

    private void ResetBeforeProduct(RecurrentPass pass, float* gates, int count, float* h, float* hOut)
    {
        var kernels = pass.Kernels;
        var recurrent = pass.Recurrent;
        var updates = pass.Work;
        var candidate = updates + (nint)count * PaddedHidden;
        var product = candidate + PaddedHidden;
        if (pass.StateIsZero) recurrent = gates;
        else if (!pass.Recurrence.Layout.IsInteger) SomeGates(pass, 0, 2, h, count, gates);
        else Recur(pass, h, count, pass.IsBounding, gates, PackedRows, recurrent);

        for (var i = 0; i < count; i++)
        {
            var row = recurrent + (nint)i * PackedRows;
            var reset = pass.Reset + (nint)i * Hidden;
            Gather(row, 0, product);
            Activate(pass, 0, product);
            kernels.Binary(BinaryFunction.Mul, product, 1, h + (nint)i * Hidden, 1, reset, Hidden);
            var update = updates + (nint)i * PaddedHidden;
            Gather(row, 1, update);
            Activate(pass, 0, update);
        }

        if (!pass.Recurrence.Layout.IsInteger && !pass.StateIsZero) SomeGates(pass, 2, 1, pass.Reset, count, gates);
        else if (!pass.StateIsZero) Recur(pass, pass.Reset, count, false, gates, PackedRows, recurrent);

        for (var i = 0; i < count; i++)
        {
            Gather(recurrent + (nint)i * PackedRows, 2, candidate);
            Activate(pass, 1, candidate);
            var unit = (nint)i * Hidden;
            Blend(kernels, updates + (nint)i * PaddedHidden, candidate, product, h + unit, hOut + unit);
        }
    }

    /// <summary>recurrent = gates + R·x for some of the gates only: <paramref name="count"/> from <paramref name="first"/>.</summary>
    private void SomeGates(RecurrentPass pass, int first, int count, float* x, int rows, float* gates)
    {
        var factor = new PackedProduct.Factor(pass.Recurrence, new FloatRows(x, Hidden, rows));
        for (var unit = 0; unit < Hidden; unit += GateRows.BlockUnits)
        {
            var from = GateRows.Of(3, first, unit, Hidden);
            factor.Multiply(pass.Kernels, 0, new OutputRange(pass.Recurrent, PackedRows, from + count * GateRows.Width(unit, Hidden), gates, PackedRows, from));
        }
    }

    private void Activate(RecurrentPass pass, int function, float* plane)
    {
        ApplyClip(pass, plane, Hidden);
        _activations[pass.Direction * Functions + function].Apply(pass.Kernels, plane, plane, Hidden);
    }

    /// <summary>h' = n + z·(h - n).</summary>
    private void Blend(KernelSet kernels, float* update, float* candidate, float* temporary, float* h, float* hOut)
    {
        kernels.Binary(BinaryFunction.Sub, h, 1, candidate, 1, temporary, Hidden);
        kernels.Binary(BinaryFunction.Mul, update, 1, temporary, 1, temporary, Hidden);
        kernels.Binary(BinaryFunction.Add, candidate, 1, temporary, 1, hOut, Hidden);
    }
}
