namespace SeqRuntime.Perf.Comparing;

/// <summary>Programs that do the same work, and the ratios to report. All are timed in one interleaved run.</summary>
/// <param name="Id">Path-like name, for --only.</param>
/// <param name="Size">Distinguishes it from others of the same work: hidden size or a model's name.</param>
/// <param name="Contenders">The programs by name, made when needed.</param>
/// <param name="Rows">The ratios to report.</param>
internal sealed record Contest(string Id, string Size, IReadOnlyDictionary<string, Func<Runner>> Contenders, IReadOnlyList<RowPlan> Rows)
{
    /// <summary>Steps, words and so on in one run. Reported times are for one of them.</summary>
    public double Units { get; init; } = 1;

    /// <summary>The minimum work of the machine for one run of a contender with this many bytes of weights. Null if it is unknown.</summary>
    public Func<string, long, Need>? Limit { get; init; }
}

/// <summary>A ratio to report.</summary>
/// <param name="Id">Last part of the row's name.</param>
/// <param name="Work">The work, without the size.</param>
/// <param name="Ours">The contender that should be faster.</param>
/// <param name="Peer">The other contender, or <see cref="Limit"/> for the machine's limit.</param>
/// <param name="PeerName">The peer's name in the table.</param>
/// <param name="Bar">The required value, if there is one.</param>
internal sealed record RowPlan(string Id, string Work, string Ours, string Peer, string PeerName, Bar? Bar = null)
{
    /// <summary>Stands for the processor's limit.</summary>
    public const string Limit = "limit";

    /// <summary>Largest relative difference of the two results. 0 if they are not compared.</summary>
    public double Tolerance { get; init; }
}

/// <summary>The required and the desired value of a ratio.</summary>
internal sealed record Bar(double AtLeast, double Aim);

/// <summary>Reading a block of this many bytes a number of times, and multiplying.</summary>
internal sealed record Need(long Bytes, int Times, long Macs, bool IsInt8);

/// <summary>A program that is ready to do its work.</summary>
/// <param name="Run">Does the work once.</param>
/// <param name="Owned">Objects to dispose afterwards.</param>
internal sealed record Runner(Action Run, params IDisposable[] Owned) : IDisposable
{
    /// <summary>Bytes of its weights, if known.</summary>
    public long WeightBytes { get; init; }

    /// <summary>The result of the last run, if it can be compared with the others'.</summary>
    public Func<float[]>? Output { get; init; }

    public void Dispose()
    {
        foreach (var owned in Owned) owned.Dispose();
    }
}

/// <summary>Inputs that need no file.</summary>
internal static class Signals
{
    public static float[] Wave(int count) => [.. Enumerable.Range(0, count).Select(i => 0.3f * MathF.Sin(i * 0.7f))];
}

/// <summary>The required and the desired value of each ratio, by hidden size.</summary>
internal static class Bars
{
    public static readonly int[] Sizes = [64, 128, 256, 512, 1024];

    public static readonly Bar[] Float32Step = Pairs([4, 2.2, 1.2, 1.0, 1.3], [6, 3, 1.6, 1.2, 1.6]);
    public static readonly Bar[] Int8LstmStep = Pairs([8, 6, 6, 4, 6], [14, 9, 9, 5, 9]);
    public static readonly Bar[] Int8GruStep = Pairs([7, 5, 6, 4, 6], [12, 9, 9, 5, 8]);
    public static readonly Bar[] Int8Dynamic = Pairs([8, 4.5, 2.5, 1.5, 1.1], [14, 7, 3.5, 2, 1.35]);
    public static readonly Bar[] Int8LstmNcnn = Pairs([2.2, 1.6, 1.45, 1.15, 1.05], [2.8, 2.0, 1.7, 1.3, 1.2]);
    public static readonly Bar[] Int8GruNcnn = Pairs([18, 15, 16, 11, 9], [18, 15, 16, 11, 9]);
    public static readonly Bar[] Int8Share = Pairs([0.35, 0.50, 0.60, 0.85, 0.78], [0.50, 0.65, 0.80, 1.05, 1.00]);
    public static readonly Bar[] Int4 = [.. Sizes.Select(units => units >= 512 ? new Bar(1.4, 1.9) : null!)];
    public static readonly Bar[] Float32Sequence = [.. Sizes.Select(_ => new Bar(1.0, 1.3))];
    public static readonly Bar[] Int8Sequence = [.. Sizes.Select(_ => new Bar(1.2, 1.7))];

    public static readonly Bar Lstm16To16 = new(40, 80);
    public static readonly Bar OneTo40 = new(16, 24);
    public static readonly Bar ModelFloat32 = new(1.5, 2.5);
    public static readonly Bar ModelInt8 = new(3, 6);
    public static readonly Bar Gtcrn = new(3, 8);
    public static readonly Bar OtherModel = new(1.5, 3);
    public static readonly Bar Words = new(4, 10);
    public static readonly Bar WordsInBatches = new(4, 8);
    public static readonly Bar Gemm = new(0.50, 0.75);
    public static readonly Bar Streams = new(4, 10);

    /// <summary>The bar of a size. Null if there is none.</summary>
    public static Bar? At(this Bar[] bars, int units) => Array.IndexOf(Sizes, units) is >= 0 and var index ? bars[index] : null;

    private static Bar[] Pairs(double[] atLeast, double[] aim) => [.. atLeast.Zip(aim, (a, b) => new Bar(a, b))];
}
