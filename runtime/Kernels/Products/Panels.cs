using System.Diagnostics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// The panels of a weight matrix (<see cref="WeightLayout"/>). A dense matrix counts as one panel: its columns are the rows here, and each of its
/// rows is a group.
/// </summary>
/// <remarks>
/// A product computes one piece of a panel at a time: up to 64 rows, or as many as its vectors hold. The last piece reads whole tiles of
/// <see cref="KernelSet.Tile"/> rows and ignores those after its own rows.
/// </remarks>
/// <typeparam name="T">One weight as stored, or the part of a row in a group.</typeparam>
internal readonly unsafe struct Panels<T>
    where T : unmanaged
{
    /// <summary>Bytes of the largest panel that is worth reading beside the next one.</summary>
    private const int LargestOfPair = 16 << 10;

    private readonly T* _first;
    private readonly nint _panelRows;
    private readonly nint _panelStride;
    private readonly nint _rows;
    private readonly nint _groupStride;
    private readonly nint _size;

    /// <summary>Panels of a packed matrix.</summary>
    /// <param name="first">The first panel.</param>
    /// <param name="layout">Its layout.</param>
    /// <param name="size">Elements of T of a row in each group.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Panels<T> Packed(T* first, WeightLayout layout, nint size = 1) => new(first, layout.PaddedRows, layout.PanelRows, layout.Groups * size * layout.PanelRows, 0, size);

    /// <summary>A dense matrix.</summary>
    /// <param name="first">Its first row.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="stride">Elements from one of its rows to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Panels<T> Dense(T* first, nint columns, nint stride) => new(first, columns, WeightLayout.WidestPanel, WeightLayout.WidestPanel, stride, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Panels(T* first, nint rows, nint panelRows, nint panelStride, nint groupStride, nint size)
    {
        _panelRows = panelRows;
        _first = first;
        _rows = rows;
        _panelStride = panelStride;
        _groupStride = groupStride;
        _size = size;
    }

    /// <summary>The place of a row's first group, the elements to its next group, and the rows from this one to the end of the panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* At(nint row, out nint groupStride, out nint left)
    {
        var panel = _panelRows == WeightLayout.WidestPanel ? row >> 6 : row / WeightLayout.GruPanel;
        var first = panel * _panelRows;
        var width = _rows - first < _panelRows ? _rows - first : _panelRows;
        left = width - (row - first);
        groupStride = _size == 0 ? _groupStride : width * _size;
        return _first + panel * _panelStride + (row - first);
    }

    /// <summary>
    /// Whether two whole panels of a GRU start at this row. Only small panels count: larger ones, read side by side from the second-level cache, are
    /// slower than one after the other.
    /// </summary>
    /// <param name="row">First row.</param>
    /// <param name="end">End of the rows.</param>
    /// <param name="second">Elements from the first to the second panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool StartsPair(nint row, nint end, out nint second)
    {
        second = _panelStride;
        return _panelRows == WeightLayout.GruPanel && second * sizeof(T) <= LargestOfPair && row % WeightLayout.GruPanel == 0 && end - row >= 2 * WeightLayout.GruPanel;
    }
}

/// <summary>The pieces in which an instruction set computes a panel.</summary>
internal static class Pieces<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = KernelSet.Tile;

    /// <summary>Whether 4 vectors hold a tile, so that there is a loop for each number of tiles.</summary>
    private static bool HasTiles
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4 * S.Lanes >= Tile;
    }

    /// <summary>Rows of the next piece: the remaining rows in whole tiles, but at most as many as the vectors hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Taken(nint left, nint vectors)
    {
        var most = vectors * S.Lanes;
        var taken = (nint)((nuint)(left + Tile - 1) / Tile * Tile);
        if (most < Tile) taken = most;
        else if (taken > most) taken = most & -Tile;
        Debug.Assert((taken - left) * sizeof(float) <= KernelSet.ReadSlack, "A product must not read that far after the last panel.");
        return taken;
    }

    /// <summary>Tiles of a piece, by which its loop is chosen; 4 where vectors are too short for tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Tiles(nint taken) => HasTiles ? (nint)((nuint)taken / Tile) : 4;

    /// <summary>Whether a loop over this many tiles, at most <paramref name="most"/> vectors, has a vector j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Has<N>(int j, int most)
        where N : struct, ITiles => j < most && (!HasTiles || j * S.Lanes < N.Count * Tile);
}

/// <summary>A number of tiles as a type, so that the compiler makes one loop for each.</summary>
internal interface ITiles
{
    static abstract int Count { get; }
}

internal readonly struct OneTile : ITiles
{
    public static int Count => 1;
}

internal readonly struct TwoTiles : ITiles
{
    public static int Count => 2;
}

internal readonly struct ThreeTiles : ITiles
{
    public static int Count => 3;
}

internal readonly struct FourTiles : ITiles
{
    public static int Count => 4;
}

internal readonly struct SixTiles : ITiles
{
    public static int Count => 6;
}
