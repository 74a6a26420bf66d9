namespace SeqRuntime.Decoding;

/// <summary>The best so many of what is offered, best first; of equals what came first.</summary>
/// <param name="what">What they are, for where the memory for them is too little.</param>
/// <param name="capacity">Most of them.</param>
/// <param name="memory">Of the decoder.</param>
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

    /// <summary>Whether something of this rank would be taken. NaN and -∞ never are.</summary>
    public bool Takes(double rank) => rank > _least;

    /// <summary>Takes an item that <see cref="Takes"/> lets in.</summary>
    /// <param name="rank">Its rank.</param>
    /// <param name="item">The item.</param>
    /// <param name="dropped">The one that had to go.</param>
    /// <returns>Whether one had to go.</returns>
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
