namespace SeqRuntime.Decoding;

/// <summary>A set of token sequences that limits a decoder: a result is one of them, or the beginning of one if the steps run out.</summary>
public sealed class TokenTrie
{
    private readonly List<SortedList<int, int>> _children = [[]];
    private readonly List<bool> _isEnd = [false];

    /// <summary>Adds a sequence, without begin and end tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is negative; nothing is added.</exception>
    public void Add(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens) ArgumentOutOfRangeException.ThrowIfNegative(token, nameof(tokens));
        var node = 0;
        foreach (var token in tokens)
        {
            if (!_children[node].TryGetValue(token, out var next))
            {
                next = _children.Count;
                _children.Add([]);
                _isEnd.Add(false);
                _children[node].Add(token, next);
            }

            node = next;
        }

        _isEnd[node] = true;
    }

    /// <summary>Node after a token, or -1. The root is node 0.</summary>
    internal int Child(int node, int token) => _children[node].TryGetValue(token, out var next) ? next : -1;

    internal bool IsEnd(int node) => _isEnd[node];
}
