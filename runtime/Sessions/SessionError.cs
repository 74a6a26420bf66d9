using System.Globalization;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions;

/// <summary>The exceptions of sessions.</summary>
internal static class SessionError
{
    public static ArgumentException NoSuch(string kind, string name, IEnumerable<string> names)
    {
        var known = string.Join(", ", names);
        return new ArgumentException($"There is no {kind} '{name}'; there are: {(known.Length == 0 ? "none" : known)}.");
    }

    public static ArgumentOutOfRangeException NoIndex(string kind, int index, int count) =>
        new(nameof(index), $"There is no {kind} {index}; there are {count}{(count == 0 ? "" : ", from 0")}.");

    public static SeqSizeException Size(string symbol, int size, int largest) =>
        Sizes($"Size {size} of dimension '{symbol}' is not within 0 and {largest}, the largest that memory was planned for (SeqSessionOptions.MaxSizes).", symbol, size, Math.Clamp(size, 0, largest));

    /// <summary>Shapes do not fit at sizes that were set; at the largest, for which memory was planned, they do.</summary>
    public static SeqSizeException Misfit(string[] symbols, int[] sizes, int[] largest, ArgumentException fault) =>
        new(fault.Message, Named(symbols, sizes), Named(symbols, largest), fault);

    public static ArgumentException Type<T>(Tensor tensor) => new($"'{tensor.Name}' holds {tensor.Type.Name()}; {typeof(T).Name} was asked for.");

    public static ArgumentException TooManyBytes(Tensor tensor) => new($"'{tensor.Name}' of shape {tensor.Shape} takes {tensor.Bytes} bytes; at most {int.MaxValue} can be handed over at once.");

    public static ArgumentException StateBytes(int given, int needed) => new($"A saved state has {needed} bytes; {given} were given.");

    public static ArgumentException StateRoom(int given, int needed) => new($"A saved state takes {needed} bytes; there is room for {given}.");

    public static ArgumentException StateOfAnother(string graph) =>
        new($"The bytes are no state of graph '{graph}' of this model: they were saved of another graph, of another model, or of one that was converted anew.");

    public static ArgumentException StateOfOtherSizes(string graph) =>
        new($"The state of graph '{graph}' was saved at other sizes: of its symbolic dimensions, or of their largest sizes ({nameof(SeqSessionOptions.MaxSizes)}).");

    public static SeqSizeException LargestSize(string graph, string symbol, int size) =>
        Sizes($"Size {size} of dimension '{symbol}' of graph '{graph}' is too small; {nameof(SeqSessionOptions.MaxSizes)} takes largest sizes, from 1 up.", symbol, size, 1);

    public static ArgumentException Memory(string graph, long needed, long limit) =>
        new($"A session of graph '{graph}' needs {needed} bytes; {nameof(SeqSessionOptions.MemoryLimitBytes)} allows {limit}.");

    /// <param name="what">What takes the operations.</param>
    /// <param name="needed">How many.</param>
    /// <param name="limit">Operations allowed.</param>
    public static ArgumentException Work(string what, double needed, double limit) =>
        new($"{what} takes {Operations(needed)}; {nameof(SeqSessionOptions.WorkLimit)} allows {Operations(limit)}. Use smaller sizes, or raise the limit if that much time is meant.");

    /// <summary>A number of operations, and the time they take.</summary>
    public static string Operations(double count) => string.Create(CultureInfo.InvariantCulture, $"{(count < 1e6 ? $"{Math.Ceiling(count):F0}" : $"{count:0.0E+0}")} operations ({count * 1e-9:0.#} s on a server's core)");

    public static ArgumentException StreamsMemory(string graph, int capacity, double needed, long limit) =>
        new($"Room for {capacity} streams of graph '{graph}' needs {needed:F0} bytes; {nameof(SeqSessionOptions.MemoryLimitBytes)} allows {limit}. Make it for fewer streams or smaller sizes, or raise the limit.");

    public static ArgumentException NoStream(int slot, int capacity) => new(
        (uint)slot < (uint)capacity
            ? $"No stream has slot {slot}: it has left, or the slot was never given by Join."
            : $"There is no slot {slot}; there are {capacity}, from 0.",
        nameof(slot));

    public static ArgumentException StreamTwice(int slot) => new($"Slot {slot} is given twice; a stream makes one step at a time.");

    /// <param name="what">What is used.</param>
    public static InvalidOperationException InUse(string what) => new($"Another thread is using this {what}, which belongs to one thread at a time. Make one for each thread, or let them wait for each other.");

    public static InvalidOperationException StreamsFull(int capacity) =>
        new($"All {capacity} slots are taken; let a stream leave, or make the streams for a larger capacity.");

    /// <param name="graph">The graph.</param>
    /// <param name="cache">A growing state.</param>
    /// <param name="symbol">The dimension of its steps.</param>
    /// <param name="needed">Steps after the run.</param>
    /// <param name="most">Most steps.</param>
    public static SeqSizeException CacheFull(string graph, string cache, string symbol, int needed, int most) =>
        Sizes($"graph '{graph}': the cache '{cache}' would have {needed} steps; there is room for {most}. Begin anew ({nameof(SeqSession.ResetState)}), or make the session for more: MaxSizes[\"{symbol}\"] = {needed} or more.", symbol, needed, most);

    public static ArgumentException CacheSize(string symbol, string cache) =>
        new($"Dimension '{symbol}' counts the steps of the cache '{cache}', which runs add to; {nameof(SeqSession.ResetState)} empties it.");

    public static ArgumentException NoStreamsOfCaches(string graph, string cache) =>
        new($"Graph '{graph}' keeps the cache '{cache}', which grows: streams that step together would differ in size. Make a session for each.");

    public static ArgumentException OtherGraph() => new("States can be taken over only from a session of the same graph, model and sizes.");

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
