namespace SeqRuntime.Decoding;

/// <summary>The tokens of the sources of a call, with begin and end tokens where the model has them.</summary>
internal sealed class Sources
{
    private readonly int _most;
    private readonly int? _begin;
    private readonly int? _end;
    private readonly int[] _tokens;
    private readonly int[] _lengths;
    private readonly int[] _order;
    private readonly int[] _numbers;

    /// <param name="count">Most sources.</param>
    /// <param name="most">Most tokens of a source.</param>
    /// <param name="begin">The token before each, or null.</param>
    /// <param name="end">The token behind each, or null.</param>
    /// <param name="memory">The decoder's memory.</param>
    public Sources(int count, int most, int? begin, int? end, DecoderMemory memory)
    {
        (_most, _begin, _end) = (most, begin, end);
        _tokens = memory.Array<int>("source", count, most);
        _lengths = memory.Array<int>("source", count);
        _order = memory.Array<int>("source", count);
        _numbers = memory.Array<int>("source", count);
        for (var i = 0; i < count; i++) _numbers[i] = i;
    }

    /// <summary>Most sources.</summary>
    public int Capacity => _lengths.Length;

    /// <summary>Number of sources of the call.</summary>
    public int Count { get; private set; }

    /// <summary>The sources, shortest first; those of one length in the order of the call.</summary>
    public ReadOnlySpan<int> ByLength => _order.AsSpan(0, Count);

    /// <summary>The sources in the order of the call.</summary>
    public ReadOnlySpan<int> InOrder => _numbers.AsSpan(0, Count);

    public ReadOnlySpan<int> this[int source] => _tokens.AsSpan(source * _most, _lengths[source]);

    /// <summary>The place of a source's own tokens: after the begin token, with room for the end token.</summary>
    public Span<int> Room(int source)
    {
        var start = _begin is null ? 0 : 1;
        return _tokens.AsSpan((source * _most) + start, Math.Max(_most - start - (_end is null ? 0 : 1), 0));
    }

    public void Clear() => Count = 0;

    /// <summary>Adds the next source, whose own tokens are in its <see cref="Room"/>.</summary>
    public void Add(int count)
    {
        count += (_begin is null ? 0 : 1) + (_end is null ? 0 : 1);
        if (count > _most) throw new ArgumentException($"The source has {count} tokens with its begin and end; the decoder takes at most {_most} ({nameof(SeqDecoderOptions.MaxSourceLength)}).");
        var tokens = _tokens.AsSpan(Count * _most, count);
        if (_begin is { } begin) tokens[0] = begin;
        if (_end is { } end) tokens[^1] = end;
        _lengths[Count] = count;
        var at = Count++;
        for (; at > 0 && _lengths[_order[at - 1]] > _lengths[Count - 1]; at--) _order[at] = _order[at - 1];
        _order[at] = Count - 1;
    }

    /// <summary>How many sources at the start of <paramref name="order"/> have the length of its first.</summary>
    public int CountOfOneLength(ReadOnlySpan<int> order)
    {
        var count = 1;
        while (count < order.Length && _lengths[order[count]] == _lengths[order[0]]) count++;
        return count;
    }
}
