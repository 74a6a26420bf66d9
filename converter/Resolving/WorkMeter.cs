namespace SeqRuntime.Converter.Resolving;

/// <summary>Sums up what resolving took, so that a search by trying ends.</summary>
internal sealed class WorkMeter
{
    /// <summary>Bytes whose computation takes about as long as a node.</summary>
    private const int BytesOfNode = 1 << 14;

    /// <summary>Nodes looked at, and what computing took, as nodes.</summary>
    public long Nodes { get; private set; }

    public void Add(int nodes, long bytes) => Nodes += nodes + bytes / BytesOfNode;
}
