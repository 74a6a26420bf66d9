using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Sessions;

/// <summary>Hands out offsets in one block before it is allocated: best fit among returned ranges, else at the end.</summary>
internal sealed class Arena
{
    /// <summary>Most free ranges to keep. Without a limit, planning a hostile graph takes the square of its size.</summary>
    private const int MaxFree = 1024;

    private readonly List<(long Offset, long Bytes)> _free = [];

    /// <summary>Bytes that the block needs.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes that an allocation of <paramref name="bytes"/> takes: whole cache lines, with room for kernels to read past the end.</summary>
    public static long Round(long bytes) => SeqLayout.Align(checked(bytes + KernelSet.ReadSlack));

    public long Take(long bytes)
    {
        bytes = Round(bytes);
        var best = -1;
        for (var i = 0; i < _free.Count; i++)
        {
            if (_free[i].Bytes >= bytes && (best < 0 || _free[i].Bytes < _free[best].Bytes)) best = i;
        }

        if (best < 0) return Append(bytes);
        var block = _free[best];
        if (block.Bytes == bytes) _free.RemoveAt(best);
        else _free[best] = (block.Offset + bytes, block.Bytes - bytes);
        return block.Offset;
    }

    /// <summary>Takes memory that was never used before, for values that last the whole run.</summary>
    public long TakeNew(long bytes) => Append(Round(bytes));

    /// <summary>Returns a range that <see cref="Take"/> gave, and merges it with free neighbours.</summary>
    public void Return(long offset, long bytes)
    {
        bytes = Round(bytes);
        for (var i = _free.Count - 1; i >= 0; i--)
        {
            if (_free[i].Offset + _free[i].Bytes == offset)
            {
                offset = _free[i].Offset;
                bytes += _free[i].Bytes;
                _free.RemoveAt(i);
            }
            else if (offset + bytes == _free[i].Offset)
            {
                bytes += _free[i].Bytes;
                _free.RemoveAt(i);
            }
        }

        if (_free.Count < MaxFree) _free.Add((offset, bytes));
    }

    private long Append(long bytes)
    {
        var offset = Bytes;
        Bytes = checked(Bytes + bytes);
        return offset;
    }
}
