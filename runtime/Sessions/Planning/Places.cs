namespace SeqRuntime.Sessions.Planning;

/// <summary>The places of a graph's values in one block, for a single run or for the rows of many streams.</summary>
/// <param name="plan">The graph.</param>
/// <param name="sizeOf">Most bytes of a value, for one run or for all rows.</param>
internal sealed class Places(GraphPlan plan, Func<int, long> sizeOf)
{
    private readonly Arena _arena = new();
    private readonly long[] _offset = new long[plan.Values.Length];

    /// <summary>Bytes that the block needs.</summary>
    public long Bytes => _arena.Bytes;

    /// <summary>Offset of a value's root.</summary>
    public long this[int value] => _offset[plan.RootOf(value)];

    /// <summary>Memory that no value uses.</summary>
    public long Reserve(long bytes) => _arena.TakeNew(bytes);

    /// <summary>Places a value that is needed always.</summary>
    public void Keep(int value) => _offset[value] = Reserve(sizeOf(value));

    /// <summary>Places all values that nodes compute. Each may reuse the memory of values that are no longer needed.</summary>
    public void Pack()
    {
        var order = plan.RunOrder;
        var isPlaced = new bool[_offset.Length];
        var dying = new List<int>[order.Length + 1];
        for (var time = 0; time < order.Length; time++)
        {
            foreach (var output in plan.Graph.Nodes[order[time]].Outputs)
            {
                if (output < 0) continue;
                var root = plan.RootOf(output);
                if (isPlaced[root] || !plan.IsComputed(root)) continue;
                isPlaced[root] = true;
                _offset[root] = _arena.Take(sizeOf(root));
                (dying[plan.Lifetimes.LastUse(root)] ??= []).Add(root);
            }

            if (!plan.SharesMemory) continue;
            foreach (var root in dying[time] ?? []) _arena.Return(_offset[root], sizeOf(root));
        }
    }
}
