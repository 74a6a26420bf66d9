using System.Runtime.CompilerServices;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>The memory of a decoder: sessions, hypotheses, results and tables. Each part is counted before it is allocated.</summary>
/// <param name="limit">Most bytes of all parts together.</param>
internal sealed class DecoderMemory(long limit)
{
    /// <summary>Bytes counted so far.</summary>
    public long Used { get; private set; }

    /// <summary>Bytes that may still be taken.</summary>
    public long Left => limit - Used;

    /// <summary>Makes a session within the remaining limit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">Name of the graph.</param>
    /// <param name="options">Largest sizes and limits.</param>
    /// <param name="sizes">The options that set the largest sizes, for the message if shapes do not fit.</param>
    /// <exception cref="ArgumentException">The session exceeds the limit, or its shapes do not fit together.</exception>
    public SeqSession Session(SeqModel model, string graph, SeqSessionOptions options, string sizes)
    {
        try
        {
            var session = model.CreateSession(graph, options);
            Used += session.MemoryBytes;
            return session;
        }
        catch (SeqSizeException fault)
        {
            throw Misfit(fault, sizes);
        }
    }

    /// <summary>Makes the rows of a graph within the remaining limit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">Name of the graph.</param>
    /// <param name="rows">Most rows.</param>
    /// <param name="sources">Most sources that rows go on from.</param>
    /// <param name="options">Largest sizes and limits.</param>
    /// <param name="sizes">The options that set the largest sizes, for the message if shapes do not fit.</param>
    /// <exception cref="ArgumentException">The rows exceed the limit, or their shapes do not fit together.</exception>
    public GraphRows Rows(SeqModel model, string graph, int rows, int sources, SeqSessionOptions options, string sizes)
    {
        try
        {
            var made = model.CreateRows(rows, sources, graph, options);
            Used += made.MemoryBytes;
            return made;
        }
        catch (SeqSizeException fault)
        {
            throw Misfit(fault, sizes);
        }
    }

    /// <summary>Counts bytes that the caller allocates.</summary>
    /// <exception cref="ArgumentException">The limit is exceeded.</exception>
    public void Count(double bytes, string what)
    {
        if (!(bytes <= Left)) throw new ArgumentException($"The decoder's {what} need {bytes:F0} bytes; of the {limit} that {nameof(SeqDecoderOptions.MemoryLimitBytes)} allows, {Left} are left. Use a narrower beam, fewer results or fewer tokens, or raise the limit.");
        Used += (long)bytes;
    }

    /// <summary>Allocates an array; its length is the product of the sizes.</summary>
    /// <exception cref="ArgumentException">The limit is exceeded, or the length is more than an array can have.</exception>
    public T[] Array<T>(string what, params ReadOnlySpan<long> sizes)
        where T : struct
    {
        var count = 1.0;
        foreach (var size in sizes) count *= size;
        Count(count * Unsafe.SizeOf<T>(), what);
        if (count > System.Array.MaxLength) throw new ArgumentException($"The decoder's {what} have {count:F0} elements; the limit is {System.Array.MaxLength}. Use a narrower beam, fewer results or fewer tokens.");
        return new T[(int)count];
    }

    /// <summary>Allocates a block of bytes for kernels.</summary>
    /// <exception cref="ArgumentException">The limit is exceeded.</exception>
    public SessionMemory Block(string what, long bytes)
    {
        Count(bytes, what);
        return new SessionMemory(bytes);
    }

    private static ArgumentException Misfit(SeqSizeException fault, string sizes) => new($"{fault.Cause} The sizes were {fault.SizesText}, from {sizes}.", fault);
}
