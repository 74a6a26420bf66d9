namespace SeqRuntime.Format;

/// <summary>The layout of a constant tensor's bytes in the file. The numbers are part of the file format. Each except the first has a <see cref="WeightFormat"/>.</summary>
internal enum TensorFormat : byte
{
    /// <summary>Row-major elements of the tensor's <see cref="ElementType"/>.</summary>
    Dense = 0,

    /// <summary>See <see cref="Float32Format"/>.</summary>
    PackedFloat32 = 1,

    /// <summary>See <see cref="Int8Format"/>.</summary>
    PackedInt8 = 2,

    /// <summary>See <see cref="Float16Format"/>.</summary>
    PackedFloat16 = 3,

    /// <summary>See <see cref="Int4Format"/>.</summary>
    PackedInt4 = 4,

    /// <summary>See <see cref="Int8Format.Narrow"/>.</summary>
    NarrowInt8 = 5,

    /// <summary>See <see cref="BFloat16Format"/>.</summary>
    PackedBFloat16 = 6,

    /// <summary>See <see cref="Int8GroupFormat"/>.</summary>
    GroupedInt8 = 7,
}

/// <summary>All formats of weight matrices.</summary>
internal static class WeightFormats
{
    /// <summary>In the order of their numbers; the first is 1.</summary>
    public static IReadOnlyList<WeightFormat> All => s_all;

    private static readonly WeightFormat[] s_all = [Float32Format.Instance, Int8Format.Wide, Float16Format.Instance, Int4Format.Instance, Int8Format.Narrow, BFloat16Format.Instance, Int8GroupFormat.Instance];

    /// <summary>The format with a number; null for an unknown number and for dense tensors.</summary>
    public static WeightFormat? Find(TensorFormat number) => number != TensorFormat.Dense && (int)number <= s_all.Length ? s_all[(int)number - 1] : null;

    public static WeightFormat Of(TensorFormat number) => s_all[(int)number - 1];
}
