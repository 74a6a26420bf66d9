namespace SeqRuntime.Decoding;

/// <summary>Numbered slots with reference counts; slot 0 is never handed out.</summary>
internal sealed class SlotPool(int count, DecoderMemory memory)
{
    private readonly int[] _holders = memory.Array<int>("prefixes", count);
    private readonly int[] _free = memory.Array<int>("prefixes", count);
    private int _freeCount;

    public int Count => _holders.Length;

    public void Clear()
    {
        _holders.AsSpan().Clear();
        _freeCount = 0;
        for (var slot = Count - 1; slot > 0; slot--) _free[_freeCount++] = slot;
    }

    /// <summary>Takes a free slot, with one reference.</summary>
    public int Take()
    {
        var slot = _free[--_freeCount];
        _holders[slot] = 1;
        return slot;
    }

    public void Hold(int slot) => _holders[slot]++;

    public void Release(int slot)
    {
        if (--_holders[slot] == 0) _free[_freeCount++] = slot;
    }
}
