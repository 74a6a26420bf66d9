using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Model;

/// <summary>
/// Additive attention: score of a source position = v · tanh(W_q query + W_k memory), weights = softmax over positions, context =
/// weighted sum of memory. Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, appendix A.1.2.
/// </summary>
internal sealed class AdditiveAttention : nn.Module
{
    private readonly Linear _keys;
    private readonly Linear _query;
    private readonly Linear _score;
    private readonly Rounding _rounding;

    public AdditiveAttention(string name, int memory, int query, int width, Rounding rounding)
        : base(name)
    {
        _keys = nn.Linear(memory, width);
        _query = nn.Linear(query, width, hasBias: false);
        _score = nn.Linear(width, 1, hasBias: false);
        _rounding = rounding;
        register_module("keys", _keys);
        register_module("query", _query);
        register_module("score", _score);
    }

    /// <summary>The keys of a sentence, computed once: [N, T, memory] to [N, T, width].</summary>
    public Tensor Keys(Tensor memory) => _keys.forward(_rounding.Measured(memory));

    /// <summary>Context [N, memory] and weights [N, T] for a query [N, query].</summary>
    public (Tensor Context, Tensor Weights) Attend(Tensor query, Tensor keys, Tensor memory)
    {
        var scores = _score.forward((keys + _query.forward(_rounding.Unit(query)).unsqueeze(1)).tanh()).squeeze(-1);
        var weights = scores.softmax(-1);
        return (weights.unsqueeze(1).bmm(memory).squeeze(1), weights);
    }
}
