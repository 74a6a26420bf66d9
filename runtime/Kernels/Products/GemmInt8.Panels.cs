using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Products;

/// <summary>Whole panels by one row of X: the products of a whole step.</summary>
internal readonly unsafe partial struct GemmInt8<S, F, I, D, A>
{
    /// <summary>The sums of adjacent panels of 64 rows, scaled and added to <paramref name="init"/>.</summary>
    /// <param name="w">The matrix.</param>
    /// <param name="first">The first row: that of a panel.</param>
    /// <param name="rows">Rows up to the end of a panel.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="init">Initial values of the rows' sums; read in whole tiles.</param>
    /// <param name="y">The rows' outputs; written in whole tiles.</param>
    /// <remarks>
    /// Only scales, row sums and the number of groups are set in the matrix: a whole piece with initial values reads nothing else, except sums where
    /// multiply-add is not one instruction. Zeros for missing initial values and the first and last output are for parts of a piece (<see cref="Run"/>).
    /// </remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Panels(in PackedMatrix w, nint first, nint rows, in QuantizedRow x, float* init, float* y)
    {
        Debug.Assert(init != null, "A matrix without zeros needs initial values.");
        Unsafe.SkipInit(out Matrix matrix);
        nint groups = w.Layout.Groups;
        matrix.Scales = w.Scales + first;
        matrix.RowSums = w.RowSums + first;
        matrix.Groups = groups;
        Unsafe.SkipInit(out KeptSums sums);
        if (!S.IsFused) matrix.Sums = (int*)&sums;
        var p = (int*)w.Panels + first * groups;
        for (nint c = 0; c < rows; p += WeightLayout.WidestPanel * groups)
        {
            var stride = rows - c < WeightLayout.WidestPanel ? rows - c : WeightLayout.WidestPanel;
            for (nint done = 0; done < stride;)
            {
                var taken = Pieces<S, F, I>.Taken(stride - done, D.Vectors);
                Debug.Assert(taken <= stride - done, "A matrix without sums and end takes whole pieces only.");
                Piece(taken, &matrix, p + done, stride, c + done, taken, x.First, x.Scale, x.Start, init, y);
                done += taken;
            }

            c += stride;
        }
    }

    /// <summary>A place for the sums of a piece, where a multiply-add takes them from memory.</summary>
    [InlineArray(WeightLayout.WidestPanel)]
    private struct KeptSums
    {
        private int _first;
    }
}
