namespace SeqRuntime.Perf.Comparing;

/// <summary>The required and the desired value of each ratio, by hidden size.</summary>
internal static class Bars
{
    public static readonly int[] Sizes = [64, 128, 256, 512, 1024];

    public static readonly Bar[] Float32Step = Pairs([4, 2.2, 1.2, 1.0, 1.3], [6, 3, 1.6, 1.2, 1.6]);
    public static readonly Bar[] Int8LstmStep = Pairs([8, 6, 6, 4, 6], [14, 9, 9, 5, 9]);
    public static readonly Bar[] Int8GruStep = Pairs([7, 5, 6, 4, 6], [12, 9, 9, 5, 8]);
    public static readonly Bar[] Int8Dynamic = Pairs([8, 4.5, 2.5, 1.5, 1.1], [14, 7, 3.5, 2, 1.35]);
    public static readonly Bar[] Int8Share = Pairs([0.35, 0.50, 0.60, 0.85, 0.78], [0.50, 0.65, 0.80, 1.05, 1.00]);
    public static readonly Bar[] Int4 = [.. Sizes.Select(units => units >= 512 ? new Bar(1.4, 1.9) : null!)];
    public static readonly Bar[] Float32Sequence = [.. Sizes.Select(_ => new Bar(1.0, 1.3))];
    public static readonly Bar[] Int8Sequence = [.. Sizes.Select(_ => new Bar(1.2, 1.7))];

    public static readonly Bar Lstm16To16 = new(40, 80);
    public static readonly Bar OneTo40 = new(16, 24);
    public static readonly Bar ModelFloat32 = new(1.5, 2.5);
    public static readonly Bar ModelInt8 = new(3, 6);
    public static readonly Bar Words = new(4, 10);
    public static readonly Bar Gemm = new(0.50, 0.75);
    public static readonly Bar Streams = new(4, 10);

    /// <summary>The bar of a size. Null if there is none.</summary>
    public static Bar? At(this Bar[] bars, int units) => Array.IndexOf(Sizes, units) is >= 0 and var index ? bars[index] : null;

    private static Bar[] Pairs(double[] atLeast, double[] aim) => [.. atLeast.Zip(aim, (a, b) => new Bar(a, b))];
}
