using SeqRuntime.Training.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Model;

/// <summary>
/// Letters to phonemes: bidirectional GRU encoder, additive attention before each step, GRU decoder fed with the previous
/// phoneme and the context, tanh readout of state, context and previous phoneme. Bahdanau et al. 2015, arXiv:1409.0473.
/// </summary>
internal sealed class G2pModel : nn.Module
{
    private readonly Embedding _letters;
    private readonly GruCell _forward;
    private readonly GruCell _backward;
    private readonly Linear _bridge;
    private readonly AdditiveAttention _attention;
    private readonly Embedding _phonemes;
    private readonly GruCell _decoder;
    private readonly Linear _readout;
    private readonly Linear _logits;
    private readonly Dropout _dropout;
    private readonly int _units;

    public G2pModel(G2pSizes sizes)
        : base("g2p")
    {
        Sizes = sizes;
        _units = sizes.Encoder;
        var memory = 2 * sizes.Encoder;
        _letters = nn.Embedding(Vocabulary.Source.Count, sizes.Embedding);
        _forward = new GruCell("forward", sizes.Embedding, sizes.Encoder, "l0", Rounding);
        _backward = new GruCell("backward", sizes.Embedding, sizes.Encoder, "l0_reverse", Rounding);
        _bridge = nn.Linear(memory, sizes.Decoder);
        _attention = new AdditiveAttention("attention", memory, sizes.Decoder, sizes.Attention, Rounding);
        _phonemes = nn.Embedding(Vocabulary.Target.Count, sizes.Embedding);
        _decoder = new GruCell("decoder", sizes.Embedding + memory, sizes.Decoder, "l0", Rounding);
        _readout = nn.Linear(sizes.Decoder + memory + sizes.Embedding, sizes.Readout);
        _logits = nn.Linear(sizes.Readout, Vocabulary.Target.Count);
        _dropout = nn.Dropout(sizes.Dropout);
        register_module("letters", _letters);
        register_module("encoder_forward", _forward);
        register_module("encoder_backward", _backward);
        register_module("bridge", _bridge);
        register_module("attention", _attention);
        register_module("phonemes", _phonemes);
        register_module("decoder", _decoder);
        register_module("readout", _readout);
        register_module("logits", _logits);
        register_module("dropout", _dropout);
    }

    public G2pSizes Sizes { get; }

    /// <summary>Fake quantization of activations, off until quantization-aware fine-tuning begins.</summary>
    public Rounding Rounding { get; } = new();

    /// <summary>Logits [N, U, phonemes] under teacher forcing.</summary>
    /// <param name="source">Letters [N, T], all of full length.</param>
    /// <param name="previous">Begin and the true phonemes [N, U].</param>
    public Tensor Forward(Tensor source, Tensor previous)
    {
        var (memory, hidden) = Encode(source);
        var keys = _attention.Keys(memory);
        var embedded = _dropout.forward(_phonemes.forward(previous));
        var steps = (int)previous.shape[1];
        var states = new Tensor[steps];
        var contexts = new Tensor[steps];
        for (var u = 0; u < steps; u++) (states[u], contexts[u]) = (hidden, _) = Step(embedded.select(1, u), hidden, keys, memory);
        var read = cat([stack(states, 1), stack(contexts, 1), embedded], -1);
        return Logits(_dropout.forward(read));
    }

    /// <summary>Greedy decoding of letters [N, T] to [N, steps] with at most <paramref name="steps"/> phonemes each. Values after an end token have no meaning.</summary>
    public Tensor Greedy(Tensor source, int steps)
    {
        var (memory, hidden) = Encode(source);
        var keys = _attention.Keys(memory);
        var previous = full([source.shape[0]], Vocabulary.Begin, ScalarType.Int64);
        var outputs = new Tensor[steps];
        for (var u = 0; u < steps; u++)
        {
            var embedded = _phonemes.forward(previous);
            (hidden, var context) = Step(embedded, hidden, keys, memory);
            outputs[u] = previous = Logits(cat([hidden, context, embedded], -1)).argmax(-1);
        }

        return stack(outputs, 1);
    }

    private (Tensor Memory, Tensor Hidden) Encode(Tensor source)
    {
        var embedded = _dropout.forward(_letters.forward(source));
        var length = (int)source.shape[1];
        var zeros = torch.zeros([source.shape[0], _units]);
        var forwards = Run(_forward, embedded, zeros, Enumerable.Range(0, length));
        var backwards = Run(_backward, embedded, zeros, Enumerable.Range(0, length).Reverse());
        var memory = cat([stack(forwards, 1), stack(backwards, 1)], -1);
        var last = cat([forwards[^1], backwards[0]], -1);
        return (memory, _bridge.forward(Rounding.Unit(last)).tanh());
    }

    private static Tensor[] Run(GruCell cell, Tensor embedded, Tensor hidden, IEnumerable<int> times)
    {
        var projected = cell.Project(embedded);
        var states = new Tensor[embedded.shape[1]];
        foreach (var t in times) states[t] = hidden = cell.Step(projected.select(1, t), hidden);
        return states;
    }

    private (Tensor Hidden, Tensor Context) Step(Tensor embedded, Tensor hidden, Tensor keys, Tensor memory)
    {
        var (context, _) = _attention.Attend(hidden, keys, memory);
        return (_decoder.Step(_decoder.Project(cat([embedded, context], -1)), hidden), context);
    }

    private Tensor Logits(Tensor read) => _logits.forward(Rounding.Measured(_readout.forward(Rounding.Measured(read)).tanh()));
}
