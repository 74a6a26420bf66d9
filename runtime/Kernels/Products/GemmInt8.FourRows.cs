using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Products;

/// <summary>The loop over four rows of X, for sets with registers for 16 sums: each vector of weights is loaded once for four products.</summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    private const int FourVectors = 4;

    private static bool HasFours
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => FourVectors * S.Lanes == KernelSet.Tile && D.Vectors == 4 * FourVectors;
    }

    /// <summary>One tile of weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(Matrix* matrix, int* p, nint stride, nint c, nint left, nint row, in QuantizedRows rows, int* starts, in OutputRange outputs)
    {
        Begin(starts[row], matrix->RowSums + c, out var a0, out var a1, out var a2, out var a3);
        Begin(starts[row + 1], matrix->RowSums + c, out var b0, out var b1, out var b2, out var b3);
        Begin(starts[row + 2], matrix->RowSums + c, out var c0, out var c1, out var c2, out var c3);
        Begin(starts[row + 3], matrix->RowSums + c, out var d0, out var d1, out var d2, out var d3);
        var x = rows.At(row);
        nint ldx = rows.Stride, ldx2 = 2 * ldx, ldx3 = 3 * ldx, next = stride * sizeof(int);
        var w = (byte*)p;
        var end = x + matrix->Groups * Inner;
        for (var fours = end - 3 * Inner; x < fours; x += 4 * Inner)
        {
            I xa = D.LoadFour(x), xb = D.LoadFour(x + ldx), xc = D.LoadFour(x + ldx2), xd = D.LoadFour(x + ldx3);
            Group(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0, ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3, w, xa, xb, xc, xd, 0);
            w += next;
            Group(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0, ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3, w, xa, xb, xc, xd, 1);
            w += next;
            Group(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0, ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3, w, xa, xb, xc, xd, 2);
            w += next;
            Group(ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3, ref c0, ref c1, ref c2, ref c3, ref d0, ref d1, ref d2, ref d3, w, xa, xb, xc, xd, 3);
            w += next;
        }

        for (; x < end; x += Inner, w += next)
        {
            I xa = D.LoadInputs(x), xb = D.LoadInputs(x + ldx), xc = D.LoadInputs(x + ldx2), xd = D.LoadInputs(x + ldx3);
            WideStep(ref a0, ref b0, ref c0, ref d0, D.LoadWeights(w), xa, xb, xc, xd);
            WideStep(ref a1, ref b1, ref c1, ref d1, D.LoadWeights(w + Step), xa, xb, xc, xd);
            WideStep(ref a2, ref b2, ref c2, ref d2, D.LoadWeights(w + 2 * Step), xa, xb, xc, xd);
            WideStep(ref a3, ref b3, ref c3, ref d3, D.LoadWeights(w + 3 * Step), xa, xb, xc, xd);
        }

        if (S.IsFused && left >= KernelSet.Tile)
        {
            Put(matrix, c, row, rows, outputs, a0, a1, a2, a3);
            Put(matrix, c, row + 1, rows, outputs, b0, b1, b2, b3);
            Put(matrix, c, row + 2, rows, outputs, c0, c1, c2, c3);
            Put(matrix, c, row + 3, rows, outputs, d0, d1, d2, d3);
            return;
        }

        var sums = matrix->Sums;
        Keep(sums, a0, a1, a2, a3);
        Keep(sums + KernelSet.Tile, b0, b1, b2, b3);
        Keep(sums + 2 * KernelSet.Tile, c0, c1, c2, c3);
        Keep(sums + 3 * KernelSet.Tile, d0, d1, d2, d3);
        for (var last = row + 4; row < last; row++, sums += KernelSet.Tile)
            PutKept(matrix, sums, c, left, S.Broadcast(rows.Scales[row]), outputs.InitAt(row), outputs.At(row));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin(int start, int* rowSums, out A a0, out A a1, out A a2, out A a3)
    {
        (a0, a1) = (D.Begin(start, rowSums), D.Begin(start, rowSums + S.Lanes));
        (a2, a3) = (D.Begin(start, rowSums + 2 * S.Lanes), D.Begin(start, rowSums + 3 * S.Lanes));
    }

    /// <summary>A group of inputs of four rows of X.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Group(
        ref A a0, ref A a1, ref A a2, ref A a3, ref A b0, ref A b1, ref A b2, ref A b3,
        ref A c0, ref A c1, ref A c2, ref A c3, ref A d0, ref A d1, ref A d2, ref A d3,
        byte* w, I xa, I xb, I xc, I xd, [ConstantExpected(Max = (byte)3)] byte group)
    {
        I w0 = D.LoadWeights(w), w1 = D.LoadWeights(w + Step), w2 = D.LoadWeights(w + 2 * Step), w3 = D.LoadWeights(w + 3 * Step);
        Group(ref a0, ref a1, ref a2, ref a3, w0, w1, w2, w3, xa, group);
        Group(ref b0, ref b1, ref b2, ref b3, w0, w1, w2, w3, xb, group);
        Group(ref c0, ref c1, ref c2, ref c3, w0, w1, w2, w3, xc, group);
        Group(ref d0, ref d1, ref d2, ref d3, w0, w1, w2, w3, xd, group);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Group(ref A a0, ref A a1, ref A a2, ref A a3, I w0, I w1, I w2, I w3, I inputs, [ConstantExpected(Max = (byte)3)] byte group)
    {
        a0 = D.MulAddGroup(a0, w0, inputs, group);
        a1 = D.MulAddGroup(a1, w1, inputs, group);
        a2 = D.MulAddGroup(a2, w2, inputs, group);
        a3 = D.MulAddGroup(a3, w3, inputs, group);
    }

    /// <summary>Outputs of one row of X.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Matrix* matrix, nint c, nint row, in QuantizedRows rows, in OutputRange outputs, A a0, A a1, A a2, A a3)
    {
        var scale = S.Broadcast(rows.Scales[row]);
        var scales = matrix->Scales + c;
        var init = outputs.InitAt(row);
        init = init == null ? matrix->Zeros : init + c;
        var y = outputs.At(row) + c;
        Put(a0, a1, scales, scale, init, y);
        Put(a2, a3, scales + 2 * S.Lanes, scale, init + 2 * S.Lanes, y + 2 * S.Lanes);
    }

    /// <summary>Stores the sums of one row of X.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(int* sums, A a0, A a1, A a2, A a3)
    {
        Keep(a0, a1, sums);
        Keep(a2, a3, sums + 2 * S.Lanes);
    }
}
