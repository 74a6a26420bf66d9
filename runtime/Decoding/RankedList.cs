namespace SeqRuntime.Decoding;

/// <summary>Keeps the best of all offered items, best first; ties go to the earlier item.</summary>
/// <param name="what">What they are, for where the memory for them is too little.</param>
/// <param name="capacity">Most of them.</param>
/// <param name="memory">The decoder's memory.</param>
internal sealed class RankedList<T>(string what, int capacity, DecoderMemory memory)
    where T : struct
{
    private readonly double[] _ranks = memory.Array<double>(what, capacity);
    private readonly T[] _items = memory.Array<T>(what, capacity);
    private double _least = double.NegativeInfinity;

    public int Count { get; private set; }

    public bool IsFull => Count == _ranks.Length;

    public ref T this[int index] => ref _items[index];

    public double Rank(int index) => _ranks[index];

    public void Clear() => (Count, _least) = (0, double.NegativeInfinity);

    /// <summary>Whether an item with this rank would be taken. NaN and -∞ never are.</summary>
    public bool Takes(double rank) => rank > _least;

    /// <summary>Adds an item that <see cref="Takes"/> accepts.</summary>
    /// <param name="rank">Its rank.</param>
    /// <param name="item">The item.</param>
    /// <param name="dropped">The removed item.</param>
    /// <returns>Whether an item was removed.</returns>
    public bool Add(double rank, T item, out T dropped)
    {
        var wasFull = IsFull;
        dropped = wasFull ? _items[Count - 1] : default;
        if (!wasFull) Count++;
        var at = Count - 1;
        for (; at > 0 && _ranks[at - 1] < rank; at--) (_ranks[at], _items[at]) = (_ranks[at - 1], _items[at - 1]);
        (_ranks[at], _items[at]) = (rank, item);
        if (IsFull) _least = _ranks[Count - 1];
        return wasFull;
    }
}
