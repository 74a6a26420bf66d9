using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Weights that products or lookups read: matrices of one shape, row-major, with their rows where the runtime packs them.</summary>
/// <param name="Names">The names that the sources have for them; the first is that of their use.</param>
/// <param name="Rows">Rows as packed: those of a recurrent layer are filled up with zeros.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Matrices">The weights.</param>
internal sealed record WeightMatrix(IReadOnlyList<string> Names, int Rows, int Columns, params float[][] Matrices)
{
    private ContentKey? _key;

    /// <summary>Shape as the sources have it, without rows of zeros.</summary>
    public IReadOnlyList<int> Shape { get; init; } = Matrices.Length == 1 ? [Rows, Columns] : [Matrices.Length, Rows, Columns];

    /// <summary>Rows of a panel in fp32, where one kernel makes whole steps of a layer; products alone are fastest by the widest.</summary>
    public int PanelRows { get; init; } = WeightLayout.WidestPanel;

    /// <summary>Rows that are no padding.</summary>
    public int UsedRows { get; init; } = Rows;

    /// <summary>They are no weights, but numbers that must stay what they are.</summary>
    public bool IsExact { get; init; }

    /// <summary>Why they stay in fp32 unless they are named; null for most.</summary>
    public string? Fixed { get; init; }

    /// <summary>Rows are looked up, and nothing multiplies with them: in fp32 they lie as they are, without padding.</summary>
    public bool IsTable { get; init; }

    public ContentKey Key => _key ??= ContentKey.Of(Rows, Columns, Matrices);

    /// <summary>The key of the same matrix turned round; null where it is none of itself, but several, or one with rows of padding.</summary>
    public ContentKey? TurnedKey => Matrices.Length == 1 && UsedRows == Rows && Rows > 1 && Columns > 1 ? ContentKey.Of(Columns, Rows, IrTensor.Of<float>([Rows, Columns], Matrices[0]).Transposed().ToFloats()) : null;

    /// <summary>Weights, without the zeros that fill them up.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Bytes that they take in the file.</summary>
    public long BytesAs(WeightKind kind) =>
        IsTable && kind == WeightKind.Float32 ? SeqLayout.Align((long)Rows * Columns * sizeof(float)) : Matrices.Length * LayoutAs(kind).Stride;

    /// <summary>Bytes of these that are padding of rows.</summary>
    public long PaddingAs(WeightKind kind) => BytesAs(kind) - (long)Matrices.Length * UsedRows * LayoutAs(kind).RowBytes;

    /// <summary>Layout of each matrix.</summary>
    public WeightLayout LayoutAs(WeightKind kind) => new(kind.Storage().FormatOf(Columns), Rows, Columns, kind == WeightKind.Float32 ? PanelRows : WeightLayout.WidestPanel);
}
