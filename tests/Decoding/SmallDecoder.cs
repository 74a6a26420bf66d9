using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Decoding;

/// <summary>An encoder-decoder of a few random weights. The encoder is an embedding, the step h' = tanh(W (h + e(token))), logits = V h'.</summary>
internal static class SmallDecoder
{
    public const int Tokens = 4;
    public const int Begin = 1;
    public const int End = 0;
    public const int Longest = 4;
    public const int Hidden = 6;

    /// <param name="seed">Seed of the weights.</param>
    /// <param name="batched">Whether the step takes several hypotheses at once.</param>
    public static byte[] Make(int seed, bool batched)
    {
        var random = new Random(seed);
        var model = new SeqModelBuilder();
        object rows = batched ? "N" : 1;
        var encoder = model.AddGraph("encoder");
        var source = encoder.Input("source", ElementType.Int64, 1);
        encoder.Output("first", encoder.Node(OpKind.Embedding, [Weights(model, encoder, "source embedding", Tokens, random), source], attributes: null, "first"));
        var step = model.AddGraph("step");
        var token = step.Input("token", ElementType.Int64, rows);
        var hidden = step.State("hidden", ElementType.Float32, [rows, Hidden]);
        var next = Recur(model, step, token, hidden, Tokens, random);
        step.Output("logits", step.Node(OpKind.Linear, [next, Weights(model, step, "readout", Tokens, random)], attributes: null, "logits"));
        foreach (var (key, value) in new (string, string)[]
        {
            (DecodingKeys.Kind, DecodingKeys.EncoderDecoder), (DecodingKeys.Encoder, "encoder"), (DecodingKeys.Step, "step"), (DecodingKeys.Link + "hidden", "first"),
            (DecodingKeys.Begin, $"{Begin}"), (DecodingKeys.End, $"{End}"), (DecodingKeys.Max, $"{Longest}"),
        })
            model.Metadata[key] = value;
        return SeqWriter.ToArray(model);
    }

    /// <summary>A language model of the same step, whose state starts at zero.</summary>
    public static byte[] Language(int seed, bool batched)
    {
        var random = new Random(seed);
        var model = new SeqModelBuilder();
        object rows = batched ? "N" : 1;
        var step = model.AddGraph("main");
        var token = step.Input("token", ElementType.Int64, rows);
        var next = Recur(model, step, token, step.State("hidden", ElementType.Float32, [rows, Hidden]), Tokens, random);
        step.Output("logits", step.Node(OpKind.Linear, [next, Weights(model, step, "readout", Tokens, random)], attributes: null, "logits"));
        foreach (var (key, value) in new (string, string)[] { (DecodingKeys.Kind, DecodingKeys.LanguageModel), (DecodingKeys.Begin, $"{Begin}"), (DecodingKeys.End, $"{End}"), (DecodingKeys.Max, $"{Longest}") }) model.Metadata[key] = value;
        return SeqWriter.ToArray(model);
    }

    /// <summary>Every complete sequence up to the longest and its log probability, each computed by running the step from the start.</summary>
    public static List<(int[] Tokens, double LogProbability)> All(SeqModel model, int source) =>
        [.. Every(model, source, Longest).Select(s => (s.Tokens, s.Open + s.End))];

    /// <summary>The possible results of a search with at most this many tokens: complete sequences, and cut sequences of the longest length whose likeliest next token is not the end.</summary>
    public static List<(int[] Tokens, double LogProbability, bool IsComplete)> Cut(SeqModel model, int source, int max) =>
        [.. Every(model, source, max).Select(s => s.Tokens.Length < max || s.EndIsNext ? (s.Tokens, s.Open + s.End, true) : (s.Tokens, s.Open, false))];

    /// <summary>Every sequence of at most this many tokens: its log probability without the end, and that of the end.</summary>
    public static List<(int[] Tokens, double Open, double End, bool EndIsNext)> Every(SeqModel model, int source, int max)
    {
        using var encoder = model.CreateSession("encoder");
        using var step = model.CreateSession("step");
        encoder.Input<long>(0)[0] = source;
        encoder.Run();
        var all = new List<(int[], double, double, bool)>();
        Extend([]);
        return all;

        void Extend(int[] tokens)
        {
            encoder.Output<float>(0).CopyTo(step.State<float>(0));
            var (sum, last, isNext) = (0.0, 0.0, false);
            foreach (var (before, token) in ((int[])[Begin, .. tokens]).Zip([.. tokens, End]))
            {
                sum += last;
                step.Input<long>(0)[0] = before;
                step.Run();
                var logits = step.Output<float>(0).ToArray();
                var largest = (double)logits.Max();
                last = logits[token] - largest - Math.Log(logits.Sum(l => Math.Exp(l - largest)));
                isNext = logits[token] == largest;
            }

            all.Add((tokens, sum, last, isNext));
            if (tokens.Length == max) return;
            for (var token = 0; token < Tokens; token++)
            {
                if (token != End) Extend([.. tokens, token]);
            }
        }
    }

    /// <summary>h' = tanh(W (h + e(token))), kept as the state.</summary>
    public static int Recur(SeqModelBuilder model, GraphDefinition graph, int token, int hidden, int tokens, Random random)
    {
        var embedded = graph.Node(OpKind.Embedding, [Weights(model, graph, "embedding", tokens, random), token], attributes: null, "embedded");
        var sum = graph.Node(OpKind.Binary, [embedded, hidden], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add), "sum");
        var product = graph.Node(OpKind.Linear, [sum, Weights(model, graph, "recurrent", Hidden, random)], attributes: null, "product");
        var next = graph.Node(OpKind.Unary, [product], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh), "next");
        graph.UpdateState(hidden, next);
        return next;
    }

    /// <summary>A packed matrix of random weights as a constant of a graph.</summary>
    public static int Weights(SeqModelBuilder model, GraphDefinition graph, string name, int rows, Random random)
    {
        float[] values = [.. Enumerable.Range(0, rows * Hidden).Select(_ => 3 * (random.NextSingle() - 0.5f))];
        return graph.Constant(model.AddPacked(name, TensorFormat.PackedFloat32, rows, Hidden, Float32Format.Pack(values, rows, Hidden)));
    }
}
