using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <summary>What a session is made for.</summary>
public sealed class SeqSessionOptions
{
    internal const long DefaultWorkLimit = 20_000_000_000;

    /// <summary>Largest size of each symbolic dimension by name, for example <c>T</c> = 100. A symbol that is not named has at most 1.</summary>
    public IDictionary<string, int> MaxSizes
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(MaxSizes));
    }
    = new Dictionary<string, int>();

    /// <summary>A session that needs more bytes than this is refused before anything is allocated. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>
    /// A session whose run, or streams whose step, may take more operations than this at its largest sizes is refused, and so is a run at
    /// sizes that take more: a hostile file of a few bytes can ask for years. An operation is about a nanosecond on one core of a server;
    /// multiply-accumulates of products count a 16th. Default: 20,000,000,000, some 20 seconds.
    /// </summary>
    public long WorkLimit { get; init; } = DefaultWorkLimit;

    /// <summary>
    /// 1, or 2 for a second thread that belongs to the session: it runs one direction of bidirectional layers and every other piece of
    /// stacked layers, where sequences are long enough, with the same bits as one thread. It sleeps between runs and ends when the
    /// session is disposed; a graph with nothing to share gets none. Default: 1. Sessions only: streams and decoders run on one thread.
    /// </summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Inputs that stay as they are for many runs: what is computed from them alone is computed once, until
    /// <see cref="SeqSession.FixedInputsChanged"/>. Decoders name what the encoder gives, so that keys are projected once a sentence.
    /// </summary>
    internal IReadOnlyCollection<string> FixedInputs { get; init; } = [];

    /// <summary>
    /// False to give every value, and the scratch of every node, memory of its own: what shares memory is compared with it, bit for bit.
    /// </summary>
    internal bool SharesMemory { get; init; } = true;

    /// <summary>Whether the sizes are only tried, so that shapes that do not fit need no advice.</summary>
    internal bool IsTrial { get; init; }

    /// <summary>Multiply-accumulates of a layer from which it is shared.</summary>
    internal long LeastSharedWork { get; init; } = ParallelStep.LeastWork;
}
