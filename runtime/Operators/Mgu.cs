using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Minimal gated unit, a GRU with one gate: f = σ(Wf·x + Rf·h + bf), n = tanh(Wn·x + Rn·(f⊙h) + bn), h' = (1 - f)⊙h + f⊙n.
/// </summary>
/// <remarks>
/// <para>Inputs besides those of <see cref="Recurrent"/>, per direction d from 3 + 3d: W packed [rows, I], R packed [rows, H], bias [rows]
/// (optional). Gates of a block in order f, n. CellClip limits the functions' inputs.</para>
/// <para>With int8 or int4 weights a state that fills [-1, 1] takes the fixed scale 1/127, any other and f⊙h their measured range, and R is read
/// twice a step. Source: Zhou, Wu, Zhang, Zhou, "Minimal Gated Unit for Recurrent Neural Networks", arXiv 1603.09420, equations 6.</para>
/// </remarks>
internal sealed unsafe class Mgu(Attributes attributes) : Recurrent(attributes, new RecurrentForm { Gates = 2, Weights = 3, HasHidden = true })
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override RecurrentPlaces PlacesFor(int batch) => new(RecurrentRows: batch, SpareRows: batch, Planes: batch + 2L);

    public override RecurrentMode ModeOf(RecurrentPass pass) => RecurrentMode.Composed;

    public override bool IsBounded(RecurrentPass pass) => true;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        var (kernels, n) = (pass.Kernels, (nint)Hidden);
        float* h = rows.Hidden, kept = pass.Plan.Spare, forget = pass.Plan.Planes;
        var candidate = forget + (nint)rows.Count * PaddedHidden;
        var difference = candidate + PaddedHidden;
        var sums = rows.IsHiddenZero ? rows.Gates : pass.Plan.Recurrent;
        if (!rows.IsHiddenZero) pass.MultiplyStateBySome(0, 1, h, rows.Count, pass.IsBounded, rows.Gates, sums);
        for (nint i = 0; i < rows.Count; i++)
        {
            var f = forget + i * PaddedHidden;
            pass.Gather(sums + i * PackedRows, 0, f);
            pass.Activate(new RecurrentActivation(UnaryFunction.Sigmoid, 0, 0), f, f, n);
            kernels.Binary(BinaryFunction.Mul, f, 1, h + i * n, 1, kept + i * n, n);
        }

        if (!rows.IsHiddenZero) pass.MultiplyStateBySome(1, 1, kept, rows.Count, false, rows.Gates, sums);
        for (nint i = 0; i < rows.Count; i++)
        {
            pass.Gather(sums + i * PackedRows, 1, candidate);
            pass.Activate(new RecurrentActivation(UnaryFunction.Tanh, 0, 0), candidate, candidate, n);
            pass.Blend(forget + i * PaddedHidden, candidate, h + i * n, difference, rows.HiddenOut + i * n);
        }
    }
}
