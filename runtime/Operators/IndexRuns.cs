using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>
/// The slices that known indices name, checked once when shapes are inferred: runs of neighbours, all of one length. A run of an operator then copies
/// them without looking at an index.
/// </summary>
internal sealed class IndexRuns
{
    /// <summary>Most runs that are kept.</summary>
    private const int Most = 4096;

    /// <summary>Room for runs that is kept at least: a known value that changes with the sizes has no more elements.</summary>
    private const int Least = 64;

    private readonly int[] _starts;

    private IndexRuns(int runs) => _starts = new int[runs];

    /// <summary>The first slice of each run. Empty if the operator must look at the indices itself.</summary>
    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Count);

    /// <summary>The number of slices of each run.</summary>
    public int Length { get; private set; }

    private int Count { get; set; }

    /// <summary>The runs of index tuples, kept in <paramref name="context"/>. An index that is out of range, or unknown, leaves none.</summary>
    /// <param name="context">The node.</param>
    /// <param name="indices">Tuples of indices.</param>
    /// <param name="sizes">Sizes of the axes that a tuple names.</param>
    /// <remarks>The first call makes room for the runs of all others: smaller sizes may give more.</remarks>
    public static void Find(NodeContext context, Tensor indices, ReadOnlySpan<int> sizes)
    {
        if (!indices.IsKnown) return;
        var tuples = sizes.Length == 0 ? 0 : indices.Count / sizes.Length;
        var length = RunLength(indices, sizes, tuples);
        if (context.Kept is not IndexRuns runs)
        {
            context.Kept = runs = new IndexRuns(Math.Clamp(tuples, Least, Most));
        }

        runs.Count = 0;
        if (length == 0 || tuples / length > runs._starts.Length) return;
        runs.Length = length;
        for (var tuple = 0; tuple < tuples; tuple += length) runs._starts[runs.Count++] = (int)Slice(indices, tuple, sizes);
    }

    /// <summary>
    /// Copies each run between <paramref name="slices"/>, at the place it names, and <paramref name="list"/>, which has one slice after the other. False
    /// if the operator must look at the indices itself.
    /// </summary>
    /// <param name="context">The node.</param>
    /// <param name="slices">Slices that indices name.</param>
    /// <param name="list">Slices in order of the index tuples.</param>
    /// <param name="bytes">Bytes of a slice.</param>
    /// <param name="scatter">Whether slices are the target, not the source.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe bool TryCopy(NodeContext context, byte* slices, byte* list, nint bytes, bool scatter)
    {
        if (context.Kept is not IndexRuns { Starts: { IsEmpty: false } starts } runs) return false;
        var run = runs.Length * bytes;
        foreach (var start in starts)
        {
            var slice = slices + start * bytes;
            if (scatter) Runs.Copy(list, slice, run);
            else Runs.Copy(slice, list, run);
            list += run;
        }

        return true;
    }

    /// <summary>The largest length that divides all runs of neighbours; 0 if there are none or an index is out of range.</summary>
    private static int RunLength(Tensor indices, ReadOnlySpan<int> sizes, int tuples)
    {
        var (length, start, before) = (0, 0, -2L);
        for (var tuple = 0; tuple < tuples; tuple++)
        {
            var slice = Slice(indices, tuple, sizes);
            if (slice is < 0 or > int.MaxValue) return 0;
            if (tuple > 0 && slice != before + 1)
            {
                length = Divisor(tuple - start, length);
                start = tuple;
            }

            before = slice;
        }

        return Divisor(tuples - start, length);
    }

    private static int Divisor(int a, int b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }

    /// <summary>The slice that a tuple names; -1 if an index is out of range.</summary>
    private static long Slice(Tensor indices, int tuple, ReadOnlySpan<int> sizes)
    {
        var slice = 0L;
        for (var k = 0; k < sizes.Length; k++)
        {
            var index = indices.Integer(tuple * sizes.Length + k);
            if (index < -sizes[k] || index >= sizes[k]) return -1;
            slice = slice * sizes[k] + (index < 0 ? index + sizes[k] : index);
        }

        return slice;
    }
}
