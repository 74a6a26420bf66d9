using SeqRuntime.Operators;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <summary>The largest sizes and limits of a session.</summary>
public sealed class SeqSessionOptions
{
    internal const long DefaultWorkLimit = 20_000_000_000;

    /// <summary>Largest size of each symbolic dimension by name, for example <c>T</c> = 100. The largest size of a symbol that is not named is 1.</summary>
    public IDictionary<string, int> MaxSizes
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(MaxSizes));
    }
    = new Dictionary<string, int>();

    /// <summary>A session that needs more bytes than this is refused before anything is allocated. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Most operations of a run of a session or a step of streams. Creation is refused if the largest sizes may take more, and so is a run at
    /// sizes that take more: a hostile file of a few bytes can ask for years. An operation takes about a nanosecond on one core of a server;
    /// a multiply-accumulate of a product counts as 1/16 operation. Default: 20,000,000,000, about 20 seconds.
    /// </summary>
    public long WorkLimit { get; init; } = DefaultWorkLimit;

    /// <summary>
    /// 1, or 2 for a second thread that belongs to the session. It runs one direction of bidirectional layers and every second piece of
    /// stacked layers if sequences are long enough, with the same bits as one thread. It sleeps between runs and ends when the
    /// session is disposed. A graph without such layers gets no second thread. Default: 1. Streams and decoders always run on one thread.
    /// </summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Inputs that stay the same for many runs. Values that depend only on them are computed once, until
    /// <see cref="SeqSession.FixedInputsChanged"/>. Decoders name the encoder's outputs, so that attention keys are computed once a sentence.
    /// </summary>
    internal IReadOnlyCollection<string> FixedInputs { get; init; } = [];

    /// <summary>
    /// False gives every value and the scratch of every node its own memory; tests compare both ways bit for bit.
    /// </summary>
    internal bool SharesMemory { get; init; } = true;

    /// <summary>
    /// Gives another operator that runs in place of a node's, such as one that takes the time. Called once for each node that runs. Null, the
    /// default, runs the nodes' own. Only what runs is replaced: the session is planned by the nodes' own operators.
    /// </summary>
    internal Func<Operator, int, Operator>? Instrument { get; init; }

    /// <summary>Whether the sizes are only tried, so that exceptions need no advice.</summary>
    internal bool IsTrial { get; init; }

    /// <summary>Least multiply-accumulates of a layer that two threads share.</summary>
    internal long LeastSharedWork { get; init; } = ParallelStep.LeastWork;
}
