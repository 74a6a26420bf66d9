namespace SeqRuntime.Decoding;

/// <summary>
/// The prefixes of live hypotheses, as a tree. A prefix is one node, whatever alignment led to it, so that probabilities of
/// the same prefix are added. Nodes have reference counts and are reused; their number is fixed.
/// </summary>
internal sealed class PrefixTree
{
    public const int Root = 0;
    private readonly Node[] _nodes;
    private int _free;
    private int _used;

    /// <param name="capacity">Most live nodes: hypotheses times the longest prefix, plus the root.</param>
    /// <param name="memory">The decoder's memory.</param>
    public PrefixTree(long capacity, DecoderMemory memory)
    {
        _nodes = memory.Array<Node>("prefixes", capacity);
        Clear();
    }

    public ref readonly Node this[int node] => ref _nodes[node];

    /// <summary>Removes all nodes but the root.</summary>
    public void Clear()
    {
        _free = -1;
        _used = 1;
        _nodes[Root] = new Node { Parent = -1, Token = -1, Frame = -1, FirstChild = -1, NextSibling = -1, Row = -1, References = 1 };
    }

    /// <summary>Records the row of a prefix in a list; -1 for none.</summary>
    public void SetRow(int node, int row) => _nodes[node].Row = row;

    /// <summary>Records the bias of a prefix.</summary>
    public void SetBias(int node, Bias bias) => _nodes[node].Bias = bias;

    /// <summary>The node of a prefix and one more token, or -1 if there is none.</summary>
    public int Child(int node, int token)
    {
        var child = _nodes[node].FirstChild;
        while (child >= 0 && _nodes[child].Token != token) child = _nodes[child].NextSibling;
        return child;
    }

    /// <summary>The node of a prefix and one more token, with one more reference; created if there is none.</summary>
    /// <param name="node">The prefix.</param>
    /// <param name="token">The token.</param>
    /// <param name="frame">The frame of the token.</param>
    /// <param name="logProbability">The token's log probability at that frame.</param>
    /// <param name="bias">Bias of the prefix with the token.</param>
    public int Take(int node, int token, int frame, float logProbability, Bias bias)
    {
        var child = Child(node, token);
        if (child < 0)
        {
            child = _free < 0 ? _used++ : _free;
            if (_free >= 0) _free = _nodes[child].NextSibling;
            _nodes[child] = new Node { Parent = node, Token = token, Length = _nodes[node].Length + 1, Frame = frame, LogProbability = logProbability, FirstChild = -1, NextSibling = _nodes[node].FirstChild, Row = -1, Bias = bias };
            _nodes[node].FirstChild = child;
            Hold(node);
        }

        Hold(child);
        return child;
    }

    public void Hold(int node) => _nodes[node].References++;

    /// <summary>Releases a reference to a prefix. A prefix without references is freed and releases its parent.</summary>
    public void Release(int node)
    {
        while (--_nodes[node].References == 0)
        {
            var parent = _nodes[node].Parent;
            Unlink(parent, node);
            _nodes[node].NextSibling = _free;
            _free = node;
            node = parent;
        }
    }

    /// <summary>Writes the tokens of a prefix and their frames.</summary>
    public void Read(int node, Span<int> tokens, Span<int> frames)
    {
        for (var at = _nodes[node].Length - 1; at >= 0; at--, node = _nodes[node].Parent) (tokens[at], frames[at]) = (_nodes[node].Token, _nodes[node].Frame);
    }

    private void Unlink(int parent, int node)
    {
        ref var link = ref _nodes[parent].FirstChild;
        while (link != node) link = ref _nodes[link].NextSibling;
        link = _nodes[node].NextSibling;
    }

    public struct Node
    {
        public int Parent;
        public int Token;
        public int Length;
        public int Frame;
        public float LogProbability;
        public int Row;
        public int References;
        public int FirstChild;
        public int NextSibling;
        public Bias Bias;
    }
}

/// <summary>What is added to the rank of a prefix besides its own log probability, and its state in the language model.</summary>
internal readonly record struct Bias(double Score, int State);
