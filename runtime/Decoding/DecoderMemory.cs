using System.Runtime.CompilerServices;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>What a decoder holds: sessions, hypotheses, results and tables, counted before any of it is allocated.</summary>
/// <param name="limit">Most bytes of all of it.</param>
internal sealed class DecoderMemory(long limit)
{
    /// <summary>Bytes so far.</summary>
    public long Used { get; private set; }

    /// <summary>Bytes that may still be taken.</summary>
    public long Left => limit - Used;

    /// <summary>Makes a session, within what is left.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">Name of the graph.</param>
    /// <param name="options">Largest sizes and limits.</param>
    /// <param name="sizes">Which options the largest sizes come from, for where shapes do not fit.</param>
    /// <exception cref="ArgumentException">It does not fit, or its shapes do not.</exception>
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
            throw new ArgumentException($"{fault.Cause} This is at {fault.SizesText}; {sizes}.", fault);
        }
    }

    /// <summary>Counts what another allocates.</summary>
    /// <exception cref="ArgumentException">It does not fit.</exception>
    public void Count(double bytes, string what)
    {
        if (!(bytes <= Left)) throw new ArgumentException($"The decoder's {what} need {bytes:F0} bytes; of the {limit} that {nameof(SeqDecoderOptions.MemoryLimitBytes)} allows, {Left} are left. Use a narrower beam, fewer results or fewer tokens, or raise the limit.");
        Used += (long)bytes;
    }

    /// <summary>An array of so many times so many elements.</summary>
    /// <exception cref="ArgumentException">It does not fit, or no array can have as many.</exception>
    public T[] Array<T>(string what, params ReadOnlySpan<long> sizes)
        where T : struct
    {
        var count = 1.0;
        foreach (var size in sizes) count *= size;
        Count(count * Unsafe.SizeOf<T>(), what);
        if (count > System.Array.MaxLength) throw new ArgumentException($"The decoder's {what} are {count:F0}; {System.Array.MaxLength} are possible. Use a narrower beam, fewer results or fewer tokens.");
        return new T[(int)count];
    }

    /// <summary>A block of bytes that kernels work on.</summary>
    /// <exception cref="ArgumentException">It does not fit.</exception>
    public SessionMemory Block(string what, long bytes)
    {
        Count(bytes, what);
        return new SessionMemory(bytes);
    }
}
