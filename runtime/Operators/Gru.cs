using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Gated recurrent unit as ONNX's GRU: r = f(Wr·x + Rr·h + br), z = f(Wz·x + Rz·h + bz), h' = (1 - z)⊙n + z⊙h, where
/// n = g(Wn·x + Wbn + r⊙(Rn·h + Rbn)) with LinearBeforeReset (cuDNN, PyTorch, Keras' reset_after) and
/// n = g(Wn·x + Rn·(r⊙h) + Wbn + Rbn) without.
/// </summary>
/// <remarks>
/// <para>Inputs besides those of <see cref="Recurrent"/>, per direction d from 3 + 3d: W packed [rows, I], R packed [rows, H],
/// bias [2, rows] (optional): row 0 is added to W·x, row 1 to R·h (Rbn with LinearBeforeReset, else zeros). Gates of a block in order r, z, n.</para>
/// <para>Activations f, g are sigmoid, tanh unless named otherwise; CellClip limits their inputs. Standard gates with
/// LinearBeforeReset run in the fused cell kernel. With int8 or int4 weights and g = tanh, f = sigmoid a state that fills [-1, 1] takes the fixed scale
/// 1/127; a smaller state and r⊙h take their measured range. Without LinearBeforeReset such weights are read twice a step, because their scales follow
/// all panels, so no part of the matrix can be used alone. Sources: ONNX operator GRU; Cho et al., arXiv 1406.1078.</para>
/// </remarks>
internal sealed unsafe class Gru : Recurrent
{
    private const int Functions = 2;
    private readonly RecurrentActivation[] _activations;
    private readonly bool _linearBeforeReset;

    public Gru(Attributes attributes)
        : base(attributes, new RecurrentForm { Gates = 3, Weights = 3, HasHidden = true, HasTwoBiases = true, KeepsGates = true, BeginsWithRecurrence = attributes.Bool(AttributeKey.LinearBeforeReset, false) })
    {
        _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Sigmoid, UnaryFunction.Tanh);
        _linearBeforeReset = Form.BeginsWithRecurrence;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override RecurrentPlaces PlacesFor(int batch) => new(RecurrentRows: batch, SpareRows: batch, Planes: batch + 3L);

    public override RecurrentMode ModeOf(RecurrentPass pass) => _linearBeforeReset && Clip == 0 && IsBounded(pass) ? RecurrentMode.WholeStep : RecurrentMode.Composed;

    public override bool IsBounded(RecurrentPass pass) =>
        _activations[pass.Direction * Functions].Function == UnaryFunction.Sigmoid && _activations[pass.Direction * Functions + 1].Function == UnaryFunction.Tanh;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        if (_linearBeforeReset) ResetAfterProduct(pass, rows);
        else ResetBeforeProduct(pass, rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ResetAfterProduct(RecurrentPass pass, in RecurrentRows rows)
    {
        float* gates = rows.Gates, h = rows.Hidden, hOut = rows.HiddenOut, recurrent = pass.Plan.Recurrent, bias = pass.RecurrentBias;
        var count = rows.Count;
        if (!rows.IsHiddenZero) pass.MultiplyState(h, count, pass.IsBounded, bias, 0, recurrent);
        else if (bias == null) new Span<float>(recurrent, count * PackedRows).Clear();
        else for (var i = 0; i < count; i++) RecurrentPass.Copy(bias, recurrent + (nint)i * PackedRows, PackedRows);

        if (pass.Plan.Mode == RecurrentMode.Composed)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComposedCell(RecurrentPass pass, float* gates, float* recurrent, float* h, float* hOut)
    {
        var kernels = pass.Kernels;
        var update = pass.Plan.Planes;
        var reset = update + PaddedHidden;
        var candidate = reset + PaddedHidden;
        var product = candidate + PaddedHidden;
        pass.Gather(gates, 0, reset);
        pass.Gather(recurrent, 0, product);
        kernels.Binary(BinaryFunction.Add, reset, 1, product, 1, reset, Hidden);
        Activate(pass, 0, reset);
        pass.Gather(gates, 1, update);
        pass.Gather(recurrent, 1, product);
        kernels.Binary(BinaryFunction.Add, update, 1, product, 1, update, Hidden);
        Activate(pass, 0, update);
        pass.Gather(gates, 2, candidate);
        pass.Gather(recurrent, 2, product);
        kernels.Binary(BinaryFunction.Mul, reset, 1, product, 1, product, Hidden);
        kernels.Binary(BinaryFunction.Add, candidate, 1, product, 1, candidate, Hidden);
        Activate(pass, 1, candidate);
        pass.Blend(update, h, candidate, product, hOut);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ResetBeforeProduct(RecurrentPass pass, in RecurrentRows rows)
    {
        float* gates = rows.Gates, h = rows.Hidden, spare = pass.Plan.Spare;
        var (kernels, count) = (pass.Kernels, rows.Count);
        var updates = pass.Plan.Planes;
        var candidate = updates + (nint)count * PaddedHidden;
        var product = candidate + PaddedHidden;
        var recurrent = rows.IsHiddenZero ? gates : pass.Plan.Recurrent;
        if (!rows.IsHiddenZero) pass.MultiplyStateBySome(0, 2, h, count, pass.IsBounded, gates, recurrent);

        for (var i = 0; i < count; i++)
        {
            var row = recurrent + (nint)i * PackedRows;
            pass.Gather(row, 0, product);
            Activate(pass, 0, product);
            kernels.Binary(BinaryFunction.Mul, product, 1, h + (nint)i * Hidden, 1, spare + (nint)i * Hidden, Hidden);
            var update = updates + (nint)i * PaddedHidden;
            pass.Gather(row, 1, update);
            Activate(pass, 0, update);
        }

        if (!rows.IsHiddenZero) pass.MultiplyStateBySome(2, 1, spare, count, false, gates, recurrent);

        for (var i = 0; i < count; i++)
        {
            pass.Gather(recurrent + (nint)i * PackedRows, 2, candidate);
            Activate(pass, 1, candidate);
            var unit = (nint)i * Hidden;
            pass.Blend(updates + (nint)i * PaddedHidden, h + unit, candidate, product, rows.HiddenOut + unit);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Activate(RecurrentPass pass, int function, float* plane) => pass.Activate(_activations[pass.Direction * Functions + function], plane, plane, Hidden);
}
