using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Sessions;

/// <summary>Hands out offsets in one block that does not exist yet: best fit among what was given back, else at the end.</summary>
internal sealed class Arena
{
    /// <summary>Free blocks that are kept track of; more would make planning of a hostile graph take the square of its size.</summary>
    private const int MaxFree = 1024;

    private readonly List<(long Offset, long Bytes)> _free = [];

    /// <summary>Bytes the block must have.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes that an allocation of <paramref name="bytes"/> takes: with room to read past the end, in whole cache lines.</summary>
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

    /// <summary>Memory that nothing has had before: for what is used all the time.</summary>
    public long TakeNew(long bytes) => Append(Round(bytes));

    /// <summary>Gives back what <see cref="Take"/> gave for as many bytes; neighbours join.</summary>
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
