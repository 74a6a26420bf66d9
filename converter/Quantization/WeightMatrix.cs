using System.Numerics;
using System.Runtime.InteropServices;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Weights for products or lookups: row-major matrices of one shape, with rows in the order in which the runtime packs them. They are read
/// from the source's constants when they are needed, and the collector may take them at any time, so that a large model is not in memory twice.
/// </summary>
/// <param name="Names">The names in the sources. The first is the name at this use.</param>
/// <param name="Rows">Packed rows. Zeros fill up the rows of a recurrent layer.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Number">The number of matrices.</param>
/// <param name="Read">Reads the weights of all matrices.</param>
internal sealed record WeightMatrix(IReadOnlyList<string> Names, int Rows, int Columns, int Number, Func<float[][]> Read)
{
    private readonly WeakReference<float[][]?> _matrices = new(null);

    /// <param name="names">The names in the sources.</param>
    /// <param name="rows">Packed rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="matrices">The weights, which stay in memory.</param>
    public WeightMatrix(IReadOnlyList<string> names, int rows, int columns, params float[][] matrices)
        : this(names, rows, columns, matrices.Length, () => matrices)
    {
    }

    /// <summary>The weights of a matrix that is packed as it is.</summary>
    /// <param name="names">The names in the sources.</param>
    /// <param name="matrix">The matrix.</param>
    public static WeightMatrix Of(IReadOnlyList<string> names, IrTensor matrix) => new(names, matrix.Shape[0], matrix.Shape[1], 1, () => [matrix.ToFloats()]) { Traits = matrix.Traits("matrix") };

    /// <summary>The weights.</summary>
    public float[][] Matrices
    {
        get
        {
            if (_matrices.TryGetTarget(out var matrices)) return matrices;
            _matrices.SetTarget(matrices = Read());
            return matrices;
        }
    }

    /// <summary>The largest magnitude of a weight. Infinite or NaN if one is.</summary>
    public float Largest => Traits.Largest ??= Matrices.Max(LargestOf);

    /// <summary>What is known of the weights.</summary>
    public WeightTraits Traits { get; init; } = new();

    /// <summary>Shape in the source, without rows of zeros.</summary>
    public IReadOnlyList<int> Shape { get; init; } = Number == 1 ? [Rows, Columns] : [Number, Rows, Columns];

    /// <summary>Rows of a panel in fp32. A recurrent layer whose step is one kernel needs its own width; products alone are fastest with the widest.</summary>
    public int PanelRows { get; init; } = WeightLayout.WidestPanel;

    /// <summary>Rows without padding.</summary>
    public int UsedRows { get; init; } = Rows;

    /// <summary>The numbers are not weights and must not be rounded.</summary>
    public bool IsExact { get; init; }

    /// <summary>The source stores each row as whole steps of a scale. int8 keeps them if it can store any scale.</summary>
    public bool IsStepped { get; init; }

    /// <summary>Why the weights stay fp32 unless the user names them; null for most.</summary>
    public string? Fixed { get; init; }

    /// <summary>Rows are looked up, and no product reads them: fp32 tables are stored without padding.</summary>
    public bool IsTable { get; init; }

    public ContentKey Key => Traits.Key ??= ContentKey.Of(Rows, Columns, Matrices);

    /// <summary>The content key of the transposed matrix; null for several matrices, padded rows, and vectors.</summary>
    public ContentKey? TurnedKey => Number == 1 && UsedRows == Rows && Rows > 1 && Columns > 1 ? ContentKey.Of(Columns, Rows, IrTensor.Of<float>([Rows, Columns], Matrices[0]).Transposed().ToFloats()) : null;

    /// <summary>Number of weights without padding.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Bytes in the file.</summary>
    public long BytesAs(WeightKind kind) =>
        IsTable && kind == WeightKind.Float32 ? SeqLayout.Align((long)Rows * Columns * sizeof(float)) : Number * LayoutAs(kind).Stride;

    /// <summary>Bytes of padded rows in the file.</summary>
    public long PaddingAs(WeightKind kind) => BytesAs(kind) - (long)Number * UsedRows * LayoutAs(kind).RowBytes;

    /// <summary>Layout of each matrix.</summary>
    public WeightLayout LayoutAs(WeightKind kind) => new(IsStepped ? kind.Storage().FormatOfSteps(Columns) : kind.Storage().FormatOf(Columns), Rows, Columns, kind == WeightKind.Float32 ? PanelRows : WeightLayout.WidestPanel);

    /// <summary>The bits of magnitudes have the order of their values, and infinity and NaN come last.</summary>
    private static float LargestOf(float[] weights)
    {
        var bits = MemoryMarshal.Cast<float, int>(weights.AsSpan());
        var lanes = Vector<int>.Zero;
        var at = 0;
        for (; at <= bits.Length - Vector<int>.Count; at += Vector<int>.Count) lanes = Vector.Max(lanes, new Vector<int>(bits[at..]) & new Vector<int>(int.MaxValue));
        var largest = 0;
        for (var i = 0; i < Vector<int>.Count; i++) largest = Math.Max(largest, lanes[i]);
        foreach (var rest in bits[at..]) largest = Math.Max(largest, rest & int.MaxValue);
        return BitConverter.Int32BitsToSingle(largest);
    }
}
