using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// The loop over one row of X for sets with 16 registers whose instructions overwrite an operand: one group at a time, weights as operands in memory, and
/// factors and flips of four groups at once.
/// </summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    /// <summary>Whether a piece takes this loop. All do but those of tiny matrices, which files align to 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TakesOne(int* p) => D.TakesOne && ((nuint)p & 15) == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AlignedRows1<N>(Matrix* matrix, int* p, nint stride, nint c, nint left, sbyte* x, float xscale, int start, float* init, float* y)
        where N : struct, ITiles
    {
        A a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Begin<N>(0, D.Vectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, start, matrix->RowSums + c);
        var w = (byte*)p;
        var next = stride * sizeof(int);
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            var inputs = D.LoadFour(x);
            I factors = D.Factor(inputs), flips = D.Flip(inputs);
            Aligned<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, D.Group(factors, x, 0), D.Group(flips, x, 0));
            w += next;
            Aligned<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, D.Group(factors, x, 1), D.Group(flips, x, 1));
            w += next;
            Aligned<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, D.Group(factors, x, 2), D.Group(flips, x, 2));
            w += next;
            Aligned<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, D.Group(factors, x, 3), D.Group(flips, x, 3));
            w += next;
        }

        for (; x < end; x += Inner, w += next)
        {
            var inputs = D.LoadInputs(x);
            Aligned<N>(ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, w, D.Factor(inputs), D.Flip(inputs));
        }

        Keep<N>(0, D.Vectors, ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, matrix->Sums);
        PutKept(matrix, matrix->Sums, c, left, S.Broadcast(xscale), init, y);
    }

    /// <summary>One group for all vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Aligned<N>(ref A a0, ref A a1, ref A a2, ref A a3, ref A a4, ref A a5, ref A a6, ref A a7, byte* w, I factor, I flip)
        where N : struct, ITiles
    {
        a0 = D.MulAddAligned(a0, w, factor, flip);
        a1 = D.MulAddAligned(a1, w + Step, factor, flip);
        a2 = D.MulAddAligned(a2, w + 2 * Step, factor, flip);
        a3 = D.MulAddAligned(a3, w + 3 * Step, factor, flip);
        if (!Pieces<S, F, I>.Has<N>(4, D.Vectors)) return;
        a4 = D.MulAddAligned(a4, w + 4 * Step, factor, flip);
        a5 = D.MulAddAligned(a5, w + 5 * Step, factor, flip);
        a6 = D.MulAddAligned(a6, w + 6 * Step, factor, flip);
        a7 = D.MulAddAligned(a7, w + 7 * Step, factor, flip);
    }
}
