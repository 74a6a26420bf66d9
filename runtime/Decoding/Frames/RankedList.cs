namespace SeqRuntime.Decoding;

/// <summary>The best so many of what is offered, best first; of equals what came first.</summary>
internal sealed class RankedList<T>(int capacity, DecoderMemory memory)
    where T : struct
{
    private readonly double[] _ranks = memory.Array<double>("prefixes", capacity);
    private readonly T[] _items = memory.Array<T>("prefixes", capacity);

    public int Count { get; private set; }

    public ref T this[int index] => ref _items[index];

    public double Rank(int index) => _ranks[index];

    public void Clear() => Count = 0;

    /// <summary>Whether something of this rank would be taken. NaN and -∞ never are.</summary>
    public bool Takes(double rank) => rank > double.NegativeInfinity && (Count < _ranks.Length || rank > _ranks[Count - 1]);

    /// <summary>Takes an item that <see cref="Takes"/> lets in.</summary>
    /// <param name="rank">Its rank.</param>
    /// <param name="item">The item.</param>
    /// <param name="dropped">The one that had to go.</param>
    /// <returns>Whether one had to go.</returns>
    public bool Add(double rank, T item, out T dropped)
    {
        var isFull = Count == _ranks.Length;
        dropped = isFull ? _items[Count - 1] : default;
        if (!isFull) Count++;
        var at = Count - 1;
        for (; at > 0 && _ranks[at - 1] < rank; at--) (_ranks[at], _items[at]) = (_ranks[at - 1], _items[at - 1]);
        (_ranks[at], _items[at]) = (rank, item);
        return isFull;
    }
}
