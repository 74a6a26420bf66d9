using System.Globalization;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions;

/// <summary>The exceptions of sessions.</summary>
internal static class SessionError
{
    public static ArgumentException NoSuch(string kind, string name, IEnumerable<string> names)
    {
        var known = string.Join(", ", names);
        return new ArgumentException($"There is no {kind} '{name}'. Available: {(known.Length == 0 ? "none" : known)}.");
    }

    public static ArgumentOutOfRangeException NoIndex(string kind, int index, int count) =>
        new(nameof(index), $"There is no {kind} {index}; {(count == 0 ? "the graph has none" : $"expected 0 to {count - 1}")}.");

    public static SeqSizeException Size(string symbol, int size, int largest) =>
        Sizes($"Size {size} of dimension '{symbol}' is outside 0 to {largest}, the largest size of this session (SeqSessionOptions.MaxSizes).", symbol, size, Math.Clamp(size, 0, largest));

    /// <summary>Shapes do not fit at sizes that were set; at the largest, for which memory was planned, they do.</summary>
    public static SeqSizeException Misfit(string[] symbols, int[] sizes, int[] largest, ArgumentException fault) =>
        new(fault.Message, Named(symbols, sizes), Named(symbols, largest), fault);

    public static ArgumentException Type<T>(Tensor tensor) => new($"'{tensor.Name}' holds {tensor.Type.Name()}, so it cannot be accessed as {typeof(T).Name}.");

    public static ArgumentException TooManyBytes(Tensor tensor) => new($"'{tensor.Name}' of shape {tensor.Shape} has {tensor.Bytes} bytes; a span can have at most {int.MaxValue}.");

    public static ArgumentException StateBytes(int given, int needed) => new($"A saved state of this graph has {needed} bytes; {given} were given.");

    public static ArgumentException StateRoom(int given, int needed) => new($"A saved state of this graph has {needed} bytes; the destination has {given}.");

    public static ArgumentException StateOfAnother(string graph) =>
        new($"These bytes are not a saved state of graph '{graph}' of this model. They come from another graph or another model, or the model was converted again.");

    public static ArgumentException StateOfOtherSizes(string graph) =>
        new($"The state of graph '{graph}' was saved with other sizes of its symbolic dimensions, or other largest sizes ({nameof(SeqSessionOptions.MaxSizes)}). Use the same sizes.");

    public static SeqSizeException LargestSize(string graph, string symbol, int size) =>
        Sizes($"Graph '{graph}': {nameof(SeqSessionOptions.MaxSizes)}[\"{symbol}\"] is {size}; it must be at least 1.", symbol, size, 1);

    public static ArgumentException Memory(string graph, long needed, long limit) =>
        new($"A session of graph '{graph}' needs {needed} bytes; {nameof(SeqSessionOptions.MemoryLimitBytes)} allows {limit}. Use smaller sizes, or raise the limit.");

    /// <param name="what">What takes the operations.</param>
    /// <param name="needed">How many.</param>
    /// <param name="limit">Operations allowed.</param>
    public static ArgumentException Work(string what, double needed, double limit) =>
        new($"{what} takes {Operations(needed)}; {nameof(SeqSessionOptions.WorkLimit)} allows {Operations(limit)}. Use smaller sizes, or raise the limit to allow that much time.");

    /// <summary>A number of operations, and the time they take.</summary>
    public static string Operations(double count) => string.Create(CultureInfo.InvariantCulture, $"{(count < 1e6 ? $"{Math.Ceiling(count):F0}" : $"{count:0.0E+0}")} operations (about {count * 1e-9:0.#} s on a server core)");

    public static ArgumentException StreamsMemory(string graph, int capacity, double needed, long limit) =>
        new($"{capacity} streams of graph '{graph}' need {needed:F0} bytes; {nameof(SeqSessionOptions.MemoryLimitBytes)} allows {limit}. Use fewer streams or smaller sizes, or raise the limit.");

    public static ArgumentException NoStream(int slot, int capacity) => new(
        (uint)slot < (uint)capacity
            ? $"Slot {slot} has no stream: the stream has left, or Join never returned this slot."
            : $"There is no slot {slot}; expected 0 to {capacity - 1}.",
        nameof(slot));

    public static ArgumentException StreamTwice(int slot) => new($"Slot {slot} is given twice; each stream can make only one step in a call.");

    /// <param name="what">What is used.</param>
    public static InvalidOperationException InUse(string what) => new($"Another thread is using this {what}; only one thread at a time may use it. Create one for each thread, or use a lock.");

    public static InvalidOperationException StreamsFull(int capacity) =>
        new($"All {capacity} slots are taken. Let a stream leave, or create the streams with a larger capacity.");

    /// <param name="graph">The graph.</param>
    /// <param name="cache">A growing state.</param>
    /// <param name="symbol">The dimension of its steps.</param>
    /// <param name="needed">Steps after the run.</param>
    /// <param name="most">Most steps.</param>
    public static SeqSizeException CacheFull(string graph, string cache, string symbol, int needed, int most) =>
        Sizes($"graph '{graph}': cache '{cache}' would have {needed} steps, but has room for {most}. Empty it with {nameof(SeqSession.ResetState)}, or create the session with MaxSizes[\"{symbol}\"] = {needed} or more.", symbol, needed, most);

    public static ArgumentException CacheSize(string symbol, string cache) =>
        new($"The size of dimension '{symbol}' cannot be set: it is the number of steps in cache '{cache}', and each run adds to it. {nameof(SeqSession.ResetState)} empties the cache.");

    public static ArgumentException NoStreamsOfCaches(string graph, string cache) =>
        new($"Graph '{graph}' has the growing cache '{cache}', so its streams would differ in size and cannot run together. Create a session for each stream.");

    public static ArgumentException OtherGraph() => new("States can be copied only from a session of the same model and graph with the same sizes.");

    /// <param name="graph">The graph.</param>
    /// <param name="node">The node that found the fault.</param>
    /// <param name="slot">The stream whose data it is, if it is one's.</param>
    /// <param name="fault">What the node threw.</param>
    public static SeqDataException Data(LoadedGraph graph, int node, int? slot, ArgumentException fault) =>
        new((slot is null ? "" : $"stream {slot}: ") + graph.At(node, fault).Message, graph.Name, graph.Nodes[node].Name, slot, fault);

    private static SeqSizeException Sizes(string message, string symbol, int size, int fitting) =>
        new(message, new Dictionary<string, int> { [symbol] = size }, new Dictionary<string, int> { [symbol] = fitting });

    private static Dictionary<string, int> Named(string[] symbols, int[] sizes)
    {
        var named = new Dictionary<string, int>();
        for (var i = 0; i < symbols.Length; i++) named[symbols[i]] = sizes[i];
        return named;
    }
}
