using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Folds rows to one number each: element i goes to partial i mod 16, and the 16 partials fold 16→8→4→2→1.</summary>
/// <remarks>The last elements of a row are folded as whole vectors, of which only the lanes within the row count.</remarks>
internal static unsafe class RowFold<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    public const int Partials = 16;

    /// <summary>Rows that are folded together.</summary>
    public const int Block = 8;

    /// <summary>Whether 4 vectors hold the partials, so that they stay in registers.</summary>
    public static bool FitsRegisters
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4 * S.Lanes >= Partials;
    }

    /// <summary>As many ones as there are partials, then as many zeros: a mask of the first <c>left</c> partials starts <c>left</c> before the zeros.</summary>
    private static ReadOnlySpan<int> Masks =>
    [
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>Masks of the partials that the last <paramref name="left"/> elements of a row go to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int* Kept(nint left) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Masks)) + (Partials - left);

    /// <summary>Folds adjacent rows of n elements, a block at a time: a fold of 16 partials is a chain that leaves the processor idle unless it has several.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows<TStep>(float* x, nint rows, nint n, float* y)
        where TStep : struct, IRowStep
    {
        var partials = stackalloc float[Block * Partials];
        for (; rows > 0; rows -= Block, x += Block * n, y += Block)
        {
            var count = rows < Block ? rows : Block;
            for (nint i = 0; i < count; i++) Fold<TStep>(x + i * n, n, 0, partials + i * Partials);
            for (nint i = 0; i < count; i++) y[i] = Joined<TStep>(partials + i * Partials);
        }
    }

    /// <summary>One row of n elements.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Of<TStep>(float* x, nint n, float shift)
        where TStep : struct, IRowStep
    {
        var partials = stackalloc float[Partials];
        Fold<TStep>(x, n, shift, partials);
        return Joined<TStep>(partials);
    }

    /// <summary>The partials of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fold<TStep>(float* x, nint n, float shift, float* partials)
        where TStep : struct, IRowStep
    {
        if (!FitsRegisters)
        {
            for (nint j = 0; j < Partials; j++)
            {
                var a = TStep.Identity;
                for (var k = j; k < n; k += Partials) a = TStep.Add<Scalar, float, int>(a, x[k], shift);
                partials[j] = a;
            }

            return;
        }

        var s = S.Broadcast(shift);
        F a0 = S.Broadcast(TStep.Identity), a1 = a0, a2 = a0, a3 = a0;
        nint i = 0;
        for (; i + Partials <= n; i += Partials)
        {
            a0 = TStep.Add<S, F, I>(a0, S.Load(x + i), s);
            if (S.Lanes < Partials) a1 = TStep.Add<S, F, I>(a1, S.Load(x + i + S.Lanes), s);
            if (2 * S.Lanes < Partials) a2 = TStep.Add<S, F, I>(a2, S.Load(x + i + 2 * S.Lanes), s);
            if (2 * S.Lanes < Partials) a3 = TStep.Add<S, F, I>(a3, S.Load(x + i + 3 * S.Lanes), s);
        }

        if (i < n)
        {
            var kept = Kept(n - i);
            a0 = Part<TStep>(a0, x + i, s, kept);
            if (S.Lanes < Partials) a1 = Part<TStep>(a1, x + i + S.Lanes, s, kept + S.Lanes);
            if (2 * S.Lanes < Partials) a2 = Part<TStep>(a2, x + i + 2 * S.Lanes, s, kept + 2 * S.Lanes);
            if (2 * S.Lanes < Partials) a3 = Part<TStep>(a3, x + i + 3 * S.Lanes, s, kept + 3 * S.Lanes);
        }

        Store(partials, a0, a1, a2, a3);
    }

    /// <summary>Stores the partials, in vectors of which only the first 16 lanes exist.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* partials, F a0, F a1, F a2, F a3)
    {
        S.Store(partials, a0);
        if (S.Lanes < Partials) S.Store(partials + S.Lanes, a1);
        if (2 * S.Lanes < Partials) S.Store(partials + 2 * S.Lanes, a2);
        if (2 * S.Lanes < Partials) S.Store(partials + 3 * S.Lanes, a3);
    }

    /// <summary>Folds the partials.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Joined<TStep>(float* partials)
        where TStep : struct, IRowStep
    {
        if (!FitsRegisters) return InMemory<TStep>(partials);
        F a0 = S.Load(partials), a1 = a0;
        if (2 * S.Lanes < Partials) (a0, a1) = (TStep.Join<S, F, I>(a0, S.Load(partials + 2 * S.Lanes)), TStep.Join<S, F, I>(S.Load(partials + S.Lanes), S.Load(partials + 3 * S.Lanes)));
        else if (S.Lanes < Partials) a1 = S.Load(partials + S.Lanes);
        if (S.Lanes < Partials) a0 = TStep.Join<S, F, I>(a0, a1);
        return Across<TStep>(a0);
    }

    /// <summary>Folds the lanes of a vector, the upper half to the lower.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Across<TStep>(F a)
        where TStep : struct, IRowStep
    {
        if (S.Lanes > 8) a = TStep.Join<S, F, I>(a, S.Upper(a, 8));
        if (S.Lanes > 4) a = TStep.Join<S, F, I>(a, S.Upper(a, 4));
        if (S.Lanes > 2) a = TStep.Join<S, F, I>(a, S.Upper(a, 2));
        if (S.Lanes > 1) a = TStep.Join<S, F, I>(a, S.Upper(a, 1));
        return S.First(a);
    }

    /// <summary>Adds the elements at x to the partials that a mask keeps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Part<TStep>(F partials, float* x, F shift, int* kept)
        where TStep : struct, IRowStep => S.Select(S.LoadInt(kept), TStep.Add<S, F, I>(partials, S.Load(x), shift), partials);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float InMemory<TStep>(float* partials)
        where TStep : struct, IRowStep
    {
        for (var half = Partials / 2; half > 0; half /= 2)
        {
            for (var j = 0; j < half; j++) partials[j] = TStep.Join<Scalar, float, int>(partials[j], partials[j + half]);
        }

        return partials[0];
    }
}
