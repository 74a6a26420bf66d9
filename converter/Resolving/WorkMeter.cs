namespace SeqRuntime.Converter.Resolving;

/// <summary>Adds up the cost of resolving, so that a search by trial ends.</summary>
internal sealed class WorkMeter
{
    /// <summary>Bytes that take as long to compute as a node takes to visit.</summary>
    private const int BytesOfNode = 1 << 14;

    /// <summary>Visited nodes plus the cost of computing, in nodes.</summary>
    public long Nodes { get; private set; }

    public void Add(int nodes, long bytes) => Nodes += nodes + bytes / BytesOfNode;
}
