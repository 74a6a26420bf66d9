namespace SeqRuntime.Format;

/// <summary>How a constant tensor's bytes are laid out in the file. Values are part of the file format.</summary>
internal enum TensorFormat : byte
{
    /// <summary>Row-major elements of the tensor's <see cref="ElementType"/>.</summary>
    Dense = 0,

    /// <summary>fp32 weight matrix in panels of rows: see <see cref="WeightLayout"/>.</summary>
    PackedFloat32 = 1,

    /// <summary>int8 weight matrix, symmetric, one scale a row: see <see cref="WeightLayout"/>.</summary>
    PackedInt8 = 2,

    /// <summary>fp16 weight matrix, in panels as fp32: see <see cref="WeightLayout"/>.</summary>
    PackedFloat16 = 3,

    /// <summary>int4 weight matrix, a scale a row and one a group of 32 inputs: see <see cref="WeightLayout"/>.</summary>
    PackedInt4 = 4,

    /// <summary>As <see cref="PackedInt8"/> with at most <see cref="WeightLayout.MaxColumnsNarrow"/> inputs: a row's scale and sum take four bytes together.</summary>
    NarrowInt8 = 5,
}
