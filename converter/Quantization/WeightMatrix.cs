using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>Weights for products or lookups: row-major matrices of one shape, with rows in the order in which the runtime packs them.</summary>
/// <param name="Names">The names in the sources. The first is the name at this use.</param>
/// <param name="Rows">Packed rows. Zeros fill up the rows of a recurrent layer.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Matrices">The weights.</param>
internal sealed record WeightMatrix(IReadOnlyList<string> Names, int Rows, int Columns, params float[][] Matrices)
{
    private ContentKey? _key;

    /// <summary>Shape in the source, without rows of zeros.</summary>
    public IReadOnlyList<int> Shape { get; init; } = Matrices.Length == 1 ? [Rows, Columns] : [Matrices.Length, Rows, Columns];

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

    public ContentKey Key => _key ??= ContentKey.Of(Rows, Columns, Matrices);

    /// <summary>The content key of the transposed matrix; null for several matrices, padded rows, and vectors.</summary>
    public ContentKey? TurnedKey => Matrices.Length == 1 && UsedRows == Rows && Rows > 1 && Columns > 1 ? ContentKey.Of(Columns, Rows, IrTensor.Of<float>([Rows, Columns], Matrices[0]).Transposed().ToFloats()) : null;

    /// <summary>Number of weights without padding.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Bytes in the file.</summary>
    public long BytesAs(WeightKind kind) =>
        IsTable && kind == WeightKind.Float32 ? SeqLayout.Align((long)Rows * Columns * sizeof(float)) : Matrices.Length * LayoutAs(kind).Stride;

    /// <summary>Bytes of padded rows in the file.</summary>
    public long PaddingAs(WeightKind kind) => BytesAs(kind) - (long)Matrices.Length * UsedRows * LayoutAs(kind).RowBytes;

    /// <summary>Layout of each matrix.</summary>
    public WeightLayout LayoutAs(WeightKind kind) => new(IsStepped ? kind.Storage().FormatOfSteps(Columns) : kind.Storage().FormatOf(Columns), Rows, Columns, kind == WeightKind.Float32 ? PanelRows : WeightLayout.WidestPanel);
}
