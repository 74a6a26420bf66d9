using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;
using SeqRuntime.Sessions.Streams;

namespace SeqRuntime;

/// <summary>
/// A loaded <c>.seq</c> model: weights, graphs and tables. Immutable; share it between threads and make one
/// <see cref="SeqSession"/> for each stream.
/// </summary>
public sealed partial class SeqModel : IDisposable
{
    private readonly ModelMemory _memory;
    private readonly LoadedModel _model;
    private readonly KernelSet _kernels;
    private readonly ILogger _logger;
    private volatile bool _disposed;

    private SeqModel(ModelMemory memory, SourceName name, SeqModelOptions options)
    {
        _memory = memory;
        _kernels = KernelRegistry.Choose(options.KernelSet);
        _logger = options.LoggerFactory?.CreateLogger<SeqModel>() ?? (ILogger)NullLogger.Instance;
        unsafe
        {
            _model = new LoadedModel(SeqReader.Read(name, memory.Start, memory.Length, options.VerifyChecksums));
        }

        Graphs = [.. _model.Graphs.Select(Describe)];
        Log.Loaded(_logger, name.Text, memory.Length, _model.Graphs.Length, _model.Tensors.Length, _kernels.Name);
    }

    /// <summary>Name of the kernel set in use: avx2, avxvnni, advsimd-dp …</summary>
    public string KernelSet => _kernels.Name;

    /// <summary>The graphs, in file order.</summary>
    public IReadOnlyList<SeqGraphInfo> Graphs { get; }

    /// <summary>Metadata from the converter: source, quantization and its errors …</summary>
    public IReadOnlyDictionary<string, string> Metadata => _model.Metadata;

    /// <summary>Token and label tables by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Tables => _model.Tables;

    /// <summary>Length of the file in bytes.</summary>
    public long FileBytes => _memory.Length;

    internal LoadedModel Loaded => _model;

    internal KernelSet Kernels => _kernels;

    /// <summary>The file's description of a graph, found by name, because a plan may hold another object for the same graph.</summary>
    internal SeqGraphInfo InfoOf(string graph) => Graphs.First(info => info.Name == graph);

    /// <summary>
    /// Loads a model by mapping the file: weights stay in the file's pages, shared by all processes that map it. While the model or a session
    /// exists, the file must not be overwritten or truncated: a run would then use wrong weights, or the process would end with a fault that no code
    /// can catch. To replace a model, write the new file beside it and rename it over the old one, or delete the old one: both leave the
    /// mapped content unchanged. If others may write the file, load it with <see cref="SeqModelOptions.CopyIntoMemory"/>.
    /// </summary>
    /// <param name="path">A <c>.seq</c> file.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <exception cref="SeqFormatException">The file is damaged, truncated, or needs a newer runtime.</exception>
    /// <exception cref="IOException">The file does not exist, cannot be opened or read, or is not a regular file.</exception>
    /// <exception cref="UnauthorizedAccessException">The path is a folder, or the file may not be read.</exception>
    /// <exception cref="ArgumentException">The path is empty, or this processor cannot run the requested kernel set.</exception>
    /// <exception cref="PlatformNotSupportedException">The process is 32-bit, or the processor big-endian.</exception>
    public static SeqModel Load(string path, SeqModelOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ProcessKind.Require();
        return Create(options?.CopyIntoMemory == true ? ModelMemory.Read(path) : ModelMemory.Map(path), path, options);
    }

    /// <summary>Loads a model from memory without copying. The memory is pinned until model and sessions are disposed, and must not change until then.</summary>
    /// <param name="data">The whole <c>.seq</c> file; products are a few percent faster if it is aligned to 64 bytes.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <exception cref="SeqFormatException">The data is damaged, truncated, or needs a newer runtime.</exception>
    /// <exception cref="ArgumentException">This processor cannot run the requested kernel set.</exception>
    /// <exception cref="PlatformNotSupportedException">The process is 32-bit, or the processor big-endian.</exception>
    public static SeqModel Load(ReadOnlyMemory<byte> data, SeqModelOptions? options)
    {
        ProcessKind.Require();
        return Create(ModelMemory.Pin(data), SourceName.Memory, options);
    }

    /// <summary>
    /// Loads a model from a stream, such as a resource, an archive's entry or a download. The stream is read from its position to its end into memory of the
    /// model, and is not disposed. To load a file, use its path, which copies nothing.
    /// </summary>
    /// <param name="stream">A whole <c>.seq</c> file; it need not be able to seek.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <exception cref="SeqFormatException">The data is damaged, truncated, or needs a newer runtime.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    /// <exception cref="ArgumentException">The stream is null, cannot be read or has been disposed, or this processor cannot run the requested kernel set.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the stream has bytes.</exception>
    /// <exception cref="PlatformNotSupportedException">The process is 32-bit, or the processor big-endian.</exception>
    public static SeqModel Load(Stream stream, SeqModelOptions? options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanRead) throw new ArgumentException("The stream cannot be read: it is write-only or disposed.", nameof(stream));
        ProcessKind.Require();
        return Create(ModelMemory.Read(stream), SourceName.Stream, options);
    }

    /// <inheritdoc cref="Load(Stream, SeqModelOptions?)"/>
    public static SeqModel Load(Stream stream) => Load(stream, null);

    /// <inheritdoc cref="Load(string, SeqModelOptions?)"/>
    public static SeqModel Load(string path) => Load(path, null);

    /// <inheritdoc cref="Load(ReadOnlyMemory{byte}, SeqModelOptions?)"/>
    public static SeqModel Load(ReadOnlyMemory<byte> data) => Load(data, null);

    /// <summary>Creates a session with the states and scratch of one stream. All memory it will ever use is allocated here.</summary>
    /// <param name="graph">Name of the graph; null for the only one, or the one called <c>main</c>.</param>
    /// <param name="options">Largest sizes and memory limit; null for the defaults.</param>
    /// <exception cref="SeqSizeException">Shapes do not fit together at these sizes; the exception names sizes that do.</exception>
    /// <exception cref="ArgumentException">No such graph or symbolic dimension, or the limit of memory or of work is exceeded.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public SeqSession CreateSession(string? graph = null, SeqSessionOptions? options = null)
    {
        var session = WithMemory(model => new SeqSession(model, model._memory, model.Plan(graph, options), model._kernels));
        Log.SessionCreated(_logger, session.Graph.Name, session.MemoryBytes, session.StateBytes);
        return session;
    }

    /// <summary>Bytes that a session would allocate, without making one.</summary>
    /// <param name="graph">As in <see cref="CreateSession"/>.</param>
    /// <param name="options">As in <see cref="CreateSession"/>.</param>
    /// <exception cref="SeqSizeException">As in <see cref="CreateSession"/>.</exception>
    /// <exception cref="ArgumentException">As in <see cref="CreateSession"/>.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid.</exception>
    public long GetSessionMemoryBytes(string? graph = null, SeqSessionOptions? options = null) => WithMemory(model =>
    {
        using var plan = model.Plan(graph, options);
        return plan.TotalBytes;
    });

    /// <summary>Operations of a run at the largest sizes (<see cref="SeqSessionOptions.WorkLimit"/>), without limits.</summary>
    internal double GetRunWork(string? graph, IDictionary<string, int> sizes) => WithMemory(model =>
    {
        using var plan = model.Plan(graph, new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue });
        return plan.Work;
    });

    /// <summary>Types and shapes of a graph's outputs at some sizes, without creating a session.</summary>
    internal (ElementType Type, int[] Shape)[] GetOutputs(string? graph, IDictionary<string, int> sizes) => WithMemory(model =>
    {
        using var plan = model.Plan(graph, new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue });
        return Array.ConvertAll(plan.Graph.Outputs, output => (plan.Values[output].Type, plan.Values[output].Shape.AsSpan().ToArray()));
    });

    /// <summary>Creates many streams that run together, so that weights are read once a step for all. All memory they will ever use is allocated here.</summary>
    /// <param name="capacity">Most streams at a time, at least 1.</param>
    /// <param name="graph">As in <see cref="CreateSession"/>.</param>
    /// <param name="options">Largest sizes of symbolic dimensions, which are the sizes until <see cref="SeqStreams.SetSize"/>, and memory limit of all streams together; null for the defaults.</param>
    /// <exception cref="SeqSizeException">Shapes do not fit together at these sizes; the exception names sizes that do.</exception>
    /// <exception cref="ArgumentException">No such graph or symbolic dimension, or the limit of memory or of work is exceeded.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public SeqStreams CreateStreams(int capacity, string? graph = null, SeqSessionOptions? options = null)
    {
        var streams = WithMemory(model => new SeqStreams(model, model._memory, model.Plan(capacity, graph, options), model._kernels));
        Log.StreamsCreated(_logger, streams.Graph.Name, capacity, streams.MemoryBytes, streams.IsBatched);
        return streams;
    }

    /// <summary>Makes the rows of a decoder's graph.</summary>
    /// <param name="capacity">Most rows.</param>
    /// <param name="sources">Most sources that rows go on from.</param>
    /// <param name="graph">As in <see cref="CreateSession"/>.</param>
    /// <param name="options">As in <see cref="CreateSession"/>; the fixed inputs are those of a source.</param>
    internal GraphRows CreateRows(int capacity, int sources, string graph, SeqSessionOptions options) =>
        WithMemory(model => new GraphRows(model, model._memory, new StreamsPlan(Find(graph), _model.Tensors, _kernels, capacity, Check(options), sources)));

    /// <summary>Bytes that <see cref="CreateStreams"/> would allocate, without doing it.</summary>
    /// <param name="capacity">As in <see cref="CreateStreams"/>.</param>
    /// <param name="graph">As in <see cref="CreateSession"/>.</param>
    /// <param name="options">As in <see cref="CreateStreams"/>.</param>
    /// <exception cref="SeqSizeException">As in <see cref="CreateStreams"/>.</exception>
    /// <exception cref="ArgumentException">As in <see cref="CreateStreams"/>.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid.</exception>
    public long GetStreamsMemoryBytes(int capacity, string? graph = null, SeqSessionOptions? options = null) => WithMemory(model => model.Plan(capacity, graph, options).TotalBytes);

    /// <summary>Releases the file. Existing sessions keep its memory until they are disposed.</summary>
    public void Dispose()
    {
        _disposed = true;
        _memory.Dispose();
    }

    private static SeqModel Create(ModelMemory memory, SourceName name, SeqModelOptions? options)
    {
        try
        {
            return new SeqModel(memory, name, options ?? new SeqModelOptions());
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Planning reads constants, so the file must stay even if another thread disposes the model.</summary>
    private T WithMemory<T>(Func<SeqModel, T> make)
    {
        ThrowIfDisposed();
        var isCounted = false;
        try
        {
            _memory.DangerousAddRef(ref isCounted);
            return make(this);
        }
        finally
        {
            if (isCounted) _memory.DangerousRelease();
        }
    }

    private SessionPlan Plan(string? graph, SeqSessionOptions? options) => new(Find(graph), _model.Tensors, _kernels, Check(options));

    private StreamsPlan Plan(int capacity, string? graph, SeqSessionOptions? options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        return new StreamsPlan(Find(graph), _model.Tensors, _kernels, capacity, Check(options));
    }

    private static SeqSessionOptions Check(SeqSessionOptions? options)
    {
        options ??= new SeqSessionOptions();
        return options.Threads is 1 or 2 ? options : throw new ArgumentOutOfRangeException(nameof(options), options.Threads, $"{nameof(SeqSessionOptions.Threads)} must be 1 or 2.");
    }

    private LoadedGraph Find(string? name)
    {
        var graphs = _model.Graphs;
        if (name is null && graphs.Length == 1) return graphs[0];
        return Array.Find(graphs, g => g.Name == (name ?? "main"))
            ?? throw new ArgumentException($"The model has no graph '{name ?? "main"}'; it has: {string.Join(", ", graphs.Select(g => g.Name))}.");
    }

    private static SeqGraphInfo Describe(LoadedGraph graph)
    {
        SeqPortInfo Port(string name, int index, int value) => graph.Values[value] switch
        {
            { Constant: { } constant } => new SeqPortInfo(name, index, constant.Type, [.. constant.Shape.AsSpan().ToArray().Select(size => new SeqDimension(size))]),
            { Kind: ValueKind.Computed } => new SeqPortInfo(name, index, null, null),
            var declared => new SeqPortInfo(name, index, declared.Type, [.. declared.Sizes.Select(size => size >= 0 ? new SeqDimension(size) : new SeqDimension(graph.Symbols[-1 - size]))]),
        };

        return new SeqGraphInfo(
            graph.Name,
            [.. graph.Inputs.Select((value, i) => Port(graph.Values[value].Name, i, value))],
            [.. graph.Outputs.Select((value, i) => Port(graph.Values[value].Name, i, value))],
            [.. graph.States.Select((state, i) => Port(state.Name, i, state.Value))],
            graph.Symbols);
    }
}

/// <summary>The log messages, written only when models are loaded and sessions created.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Loaded {File}: {Bytes} bytes, {Graphs} graphs, {Tensors} tensors, kernels {Kernels}")]
    public static partial void Loaded(ILogger logger, string file, long bytes, int graphs, int tensors, string kernels);

    [LoggerMessage(EventId = 2, Level = LogLevel.Debug, Message = "Created a session of graph {Graph}: {Bytes} bytes, {StateBytes} of them for states")]
    public static partial void SessionCreated(ILogger logger, string graph, long bytes, int stateBytes);

    [LoggerMessage(EventId = 3, Level = LogLevel.Debug, Message = "Created streams of graph {Graph} with {Capacity} slots: {Bytes} bytes, batched: {IsBatched}")]
    public static partial void StreamsCreated(ILogger logger, string graph, int capacity, long bytes, bool isBatched);
}
