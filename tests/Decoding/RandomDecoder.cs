using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Sessions.Sharing;

namespace SeqRuntime.Tests.Decoding;

/// <summary>
/// A random encoder-decoder. The encoder computes memories and initial states. The step has a recurrent cell, possibly a window of past
/// states, and one to four attentions of different widths over the memories, among nodes that nothing needs.
/// </summary>
internal sealed class RandomDecoder
{
    public const int Tokens = 9;
    public const int Begin = 1;
    public const int End = 0;
    public const int Longest = 6;
    private readonly SeqModelBuilder _model = new();
    private readonly Random _random;
    private readonly Random _noise;
    private readonly Dim _rows;
    private readonly RandomGraph _encoder;
    private readonly RandomGraph _step;
    private readonly RandomParts _parts;
    private readonly RandomLayers _layers;
    private readonly List<RandomValue> _context = [];
    private RandomValue _features;

    private RandomDecoder(int seed, bool batched)
    {
        _random = new Random(seed);
        _noise = new Random(seed);
        _rows = batched ? Dim.N : Dim.One;
        _encoder = new RandomGraph(_model, "encoder", _random);
        _step = new RandomGraph(_model, "step", _noise);
        _parts = new RandomParts(_step);
        _step.Random = _random;
        _layers = new RandomLayers(_step);
        _features = Encode();
    }

    /// <param name="seed">Seed of all random choices. Batched or not, a seed gives the same results.</param>
    /// <param name="batched">Whether the step takes several hypotheses at once.</param>
    public static byte[] Make(int seed, bool batched)
    {
        var decoder = new RandomDecoder(seed, batched);
        decoder.AddStep();
        return SeqWriter.ToArray(decoder._model);
    }

    private static Attributes Axis(int axis) => new Attributes().Set(AttributeKey.Axis, axis);

    private static Attributes Function<T>(T function)
        where T : struct, Enum => new Attributes().Set(AttributeKey.Function, function);

    /// <summary>Features of each source token: embedded, and possibly read by a recurrent layer.</summary>
    private RandomValue Encode()
    {
        var width = _random.Next(2, 40);
        var source = _encoder.Graph.Input("source", ElementType.Int64, "T");
        var features = _encoder.Node(OpKind.Embedding, [_encoder.Packed(Tokens, width), source], [Dim.T, new Dim(width)]);
        if (_random.Next(2) == 0) return features;
        var sequence = _encoder.Node(OpKind.Unsqueeze, [features.Id, _encoder.Longs(1)], [Dim.T, Dim.One, new Dim(width)]);
        var rows = GateRows.Count(3, width);
        var y = _encoder.NodeMany(OpKind.Gru, [sequence.Id, -1, -1, _encoder.Packed(rows, width), _encoder.Packed(rows, width), -1], [[Dim.T, Dim.One, Dim.One, new Dim(width)]], new Attributes().Set(AttributeKey.Hidden, width));
        return _encoder.Node(OpKind.Squeeze, [y[0]!.Id, _encoder.Longs(1, 2)], [Dim.T, new Dim(width)]);
    }

    private void AddStep()
    {
        var token = _step.Graph.Input("token", ElementType.Int64, _rows.Declared!);
        var width = _random.Next(2, 40);
        var x = _step.Node(OpKind.Embedding, [_step.Packed(Tokens, width), token], [_rows, new Dim(width)]);
        var last = Cell(AddPosition(x));
        if (_random.Next(3) == 0) last = Window(last);
        RandomValue[] memories = [.. Enumerable.Range(0, _random.Next(1, 3)).Select(Memory)];
        var isFirst = _random.Next(2) == 0;
        var attentions = Enumerable.Range(0, _random.Next(1, 5)).Select(i => (Memory: memories[_random.Next(memories.Length)], Width: _random.Next(1, 70))).ToArray();
        RandomValue?[] keys = [.. attentions.Select(a => isFirst ? Keys(a.Memory, a.Width) : null)];
        for (var i = 0; i < attentions.Length; i++)
        {
            AddNoise();
            var (memory, size) = attentions[i];
            var weights = Weights(last, keys[i] ?? Keys(memory, size), size);
            if (i == 0 && _random.Next(2) == 0)
            {
                _step.Graph.Output("alignment", weights.Id);
                _model.Metadata[DecodingKeys.Alignment] = "alignment";
            }

            var context = Sum(weights, memory);
            _context.Add(context);
            last = _layers.Linear(_step.Node(OpKind.Concat, [last.Id, context.Id], [_rows, last.Last + context.Last], Axis(1)), width);
        }

        AddNoise();
        var all = _step.Node(OpKind.Concat, [last.Id, .. _context.Select(c => c.Id)], [_rows, _context.Aggregate(last.Last, (sum, c) => sum + c.Last)], Axis(1));
        _step.Graph.Output("logits", _step.Node(OpKind.Linear, [all.Id, _step.Packed(Tokens, all.Last.Constant, 1.5f)], [_rows, new Dim(Tokens)]).Id);
        _step.Random = _noise;
        _parts.AddUpdates([.. _step.Graph.States.Select(s => _step.Values.Find(v => v.Id == s.Value)!)]);
        foreach (var (key, value) in new (string, string)[]
        {
            (DecodingKeys.Kind, DecodingKeys.EncoderDecoder), (DecodingKeys.Encoder, "encoder"), (DecodingKeys.Step, "step"), (DecodingKeys.Token, "token"), (DecodingKeys.Logits, "logits"),
            (DecodingKeys.Begin, $"{Begin}"), (DecodingKeys.End, $"{End}"), (DecodingKeys.Max, $"{Longest}"),
        })
            _model.Metadata[key] = value;
    }

    /// <summary>Nodes that nothing needs, so that memory is sometimes reused for other values.</summary>
    private void AddNoise()
    {
        _step.Random = _noise;
        for (var count = _noise.Next(0, 4); count > 0; count--) _parts.AddOne();
        _step.Random = _random;
    }

    private RandomValue AddPosition(RandomValue x)
    {
        if (_random.Next(3) > 0) return x;
        _model.Metadata[DecodingKeys.Position] = "position";
        var position = _step.Graph.Input("position", ElementType.Float32, 1);
        return _step.Node(OpKind.Binary, [x.Id, position], x.Shape, Function(BinaryFunction.Add));
    }

    private RandomValue State(string name, Dim[] shape)
    {
        var state = new RandomValue(_step.Graph.State(name, ElementType.Float32, [.. shape.Select(d => d.Declared!)]), ElementType.Float32, shape);
        _step.Values.Add(state);
        return state;
    }

    /// <summary>h' = tanh(W (x + h)), where h starts as the encoder's last step or zeros.</summary>
    private RandomValue Cell(RandomValue x)
    {
        var hidden = State("hidden", x.Shape);
        if (_random.Next(2) == 0) Link("hidden", Summary(x.Last.Constant));
        var sum = _step.Node(OpKind.Binary, [x.Id, hidden.Id], x.Shape, Function(BinaryFunction.Add));
        var next = _step.Node(OpKind.Unary, [_layers.Linear(sum, x.Last.Constant).Id], x.Shape, Function(UnaryFunction.Tanh));
        _step.Graph.UpdateState(hidden.Id, next.Id);
        return next;
    }

    /// <summary>A cache of the last steps with attention, as in a Transformer's decoder.</summary>
    private RandomValue Window(RandomValue last)
    {
        var steps = _random.Next(2, 5);
        Dim[] shape = [_rows, new Dim(steps), last.Last];
        var cache = State("cache", shape);
        var kept = _step.Node(OpKind.Slice, [cache.Id, _step.Longs(1), _step.Longs(steps), _step.Longs(1)], [_rows, new Dim(steps - 1), last.Last]);
        var newest = _step.Node(OpKind.Unsqueeze, [last.Id, _step.Longs(1)], [_rows, Dim.One, last.Last]);
        var window = _step.Node(OpKind.Concat, [kept.Id, newest.Id], shape, Axis(1));
        _step.Graph.UpdateState(cache.Id, window.Id);
        var scores = _step.Node(OpKind.MatMul, [newest.Id, Turned(window).Id], [_rows, Dim.One, new Dim(steps)]);
        var weights = _step.Node(OpKind.Softmax, [scores.Id], scores.Shape, Axis(-1));
        var sum = _step.Node(OpKind.MatMul, [weights.Id, window.Id], newest.Shape);
        var flat = _step.Node(OpKind.Squeeze, [sum.Id, _step.Longs(1)], last.Shape);
        return _step.Node(OpKind.Binary, [flat.Id, last.Id], last.Shape, Function(BinaryFunction.Add));
    }

    /// <summary>An input of the step that the encoder fills with its projected features: one row for all hypotheses, or one for each.</summary>
    private RandomValue Memory(int index)
    {
        var width = _random.Next(2, 40);
        var projected = new RandomLayers(_encoder).Linear(_features, width);
        var memory = _encoder.Node(OpKind.Unsqueeze, [projected.Id, _encoder.Longs(0)], [Dim.One, Dim.T, new Dim(width)]);
        var isForEach = _random.Next(2) == 0;
        Dim[] shape = [isForEach ? _rows : Dim.One, Dim.T, new Dim(width)];
        _encoder.Graph.Output($"memory{index}", memory.Id);
        var input = _step.Input(ElementType.Float32, shape);
        Link($"x{_step.Graph.Inputs.Count - 1}", $"memory{index}");
        return input;
    }

    private RandomValue Keys(RandomValue memory, int width) => _layers.Linear(memory, width);

    /// <summary>Additive or product scores: rows by source steps.</summary>
    private RandomValue Weights(RandomValue query, RandomValue keys, int width)
    {
        var projected = _layers.Linear(query, width);
        var one = _step.Node(OpKind.Unsqueeze, [projected.Id, _step.Longs(1)], [_rows, Dim.One, new Dim(width)]);
        RandomValue scores;
        if (_random.Next(2) == 0)
        {
            scores = _step.Node(OpKind.MatMul, [one.Id, Turned(keys).Id], [_rows, Dim.One, Dim.T]);
            scores = _step.Node(OpKind.Squeeze, [scores.Id, _step.Longs(1)], [_rows, Dim.T]);
        }
        else
        {
            var sum = _step.Node(OpKind.Binary, [keys.Id, one.Id], [_rows, Dim.T, new Dim(width)], Function(BinaryFunction.Add));
            var tanh = _step.Node(OpKind.Unary, [sum.Id], sum.Shape, Function(UnaryFunction.Tanh));
            scores = _step.Node(OpKind.Squeeze, [_layers.Linear(tanh, 1).Id, _step.Longs(2)], [_rows, Dim.T]);
        }

        return _step.Node(OpKind.Softmax, [scores.Id], scores.Shape, Axis(-1));
    }

    private RandomValue Sum(RandomValue weights, RandomValue memory)
    {
        var one = _step.Node(OpKind.Unsqueeze, [weights.Id, _step.Longs(1)], [_rows, Dim.One, Dim.T]);
        var sum = _step.Node(OpKind.MatMul, [one.Id, memory.Id], [_rows, Dim.One, memory.Last]);
        return _step.Node(OpKind.Squeeze, [sum.Id, _step.Longs(1)], [_rows, memory.Last]);
    }

    private RandomValue Turned(RandomValue x) =>
        _step.Node(OpKind.Transpose, [x.Id], [x.Shape[0], x.Shape[2], x.Shape[1]], new Attributes().Set(AttributeKey.Perm, new long[] { 0, 2, 1 }));

    /// <summary>The mean of the source, as an output of the encoder.</summary>
    private string Summary(int width)
    {
        var mean = _encoder.Node(OpKind.Reduce, [_features.Id, _encoder.Longs(0)], [Dim.One, _features.Last], Function(ReduceFunction.Mean));
        _encoder.Graph.Output("summary", new RandomLayers(_encoder).Linear(mean, width).Id);
        return "summary";
    }

    private void Link(string target, string output) => _model.Metadata[DecodingKeys.Link + target] = output;
}
