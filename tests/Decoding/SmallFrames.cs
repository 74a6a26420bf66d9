using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Decoding;

/// <summary>CTC and transducer models of a few random weights, and plainly written sums over all alignments.</summary>
internal static class SmallFrames
{
    public const int Labels = 4;
    public const int Blank = 0;
    public static readonly string[] Table = ["<b>", "a", "b", "c"];

    /// <summary>Logits of a frame are a matrix product of its features.</summary>
    public static byte[] Ctc(int seed)
    {
        var random = new Random(seed);
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("encoder");
        var x = graph.Input("features", ElementType.Float32, "T", SmallDecoder.Hidden);
        graph.Output("logits", graph.Node(OpKind.Linear, [x, SmallDecoder.Weights(model, graph, "weights", Labels, random)], attributes: null, "logits"));
        Describe(model, DecodingKeys.Ctc);
        return SeqWriter.ToArray(model);
    }

    /// <summary>Prediction h' = tanh(W (h + e(token))), joint V tanh(f + h').</summary>
    public static byte[] Transducer(int seed, bool batched, int? maxTokens = null)
    {
        var random = new Random(seed);
        var model = new SeqModelBuilder();
        object rows = batched ? "N" : 1;
        var encoder = model.AddGraph("encoder");
        var x = encoder.Input("features", ElementType.Float32, "T", SmallDecoder.Hidden);
        encoder.Output("rows", encoder.Node(OpKind.Linear, [x, SmallDecoder.Weights(model, encoder, "weights", SmallDecoder.Hidden, random)], attributes: null, "rows"));
        var predict = model.AddGraph("predict");
        var token = predict.Input("token", ElementType.Int64, rows);
        var hidden = predict.State("hidden", ElementType.Float32, [rows, SmallDecoder.Hidden]);
        predict.Output("prediction", SmallDecoder.Recur(model, predict, token, hidden, Labels, random));
        var joint = model.AddGraph("joint");
        var both = joint.Node(OpKind.Binary, [joint.Input("frame", ElementType.Float32, rows, SmallDecoder.Hidden), joint.Input("prediction", ElementType.Float32, rows, SmallDecoder.Hidden)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add), "both");
        var bent = joint.Node(OpKind.Unary, [both], new Attributes().Set(AttributeKey.Function, UnaryFunction.Tanh), "bent");
        joint.Output("logits", joint.Node(OpKind.Linear, [bent, SmallDecoder.Weights(model, joint, "readout", Labels, random)], attributes: null, "logits"));
        Describe(model, DecodingKeys.Transducer);
        if (maxTokens is not null) model.Metadata[DecodingKeys.Max] = $"{maxTokens}";
        model.Metadata[DecodingKeys.Predict] = "predict";
        model.Metadata[DecodingKeys.Joint] = "joint";
        model.Metadata[DecodingKeys.Link + "frame"] = "rows";
        model.Metadata[DecodingKeys.Link + "prediction"] = "prediction";
        return SeqWriter.ToArray(model);
    }

    public static float[] Features(int seed, int frames)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, frames * SmallDecoder.Hidden).Select(_ => 2 * (random.NextSingle() - 0.5f))];
    }

    /// <summary>All labellings of the frames, collapsed. The probability of a sequence is the sum over its alignments.</summary>
    public static Dictionary<string, double> AllOfCtc(SeqModel model, float[] features) => AllOfCtc(CtcLogProbabilities(model, features));

    public static Dictionary<string, double> AllOfCtc(double[][] frames)
    {
        var all = new Dictionary<string, double>();
        var labels = new int[frames.Length];
        for (var code = 0; code < Math.Pow(Labels, frames.Length); code++)
        {
            for (int t = 0, rest = code; t < frames.Length; t++, rest /= Labels) labels[t] = rest % Labels;
            var kept = labels.Where((label, t) => label != Blank && (t == 0 || labels[t - 1] != label));
            var key = string.Join(' ', kept);
            all[key] = all.GetValueOrDefault(key) + Math.Exp(labels.Select((label, t) => frames[t][label]).Sum());
        }

        return all;
    }

    public static double[][] CtcLogProbabilities(SeqModel model, float[] features)
    {
        using var session = model.CreateSession("encoder", new SeqSessionOptions { MaxSizes = { ["T"] = features.Length / SmallDecoder.Hidden } });
        features.CopyTo(session.Input<float>(0));
        session.Run();
        return [.. session.Output<float>(0).ToArray().Chunk(Labels).Select(LogSoftmax)];
    }

    /// <summary>All paths through the lattice of frames and tokens with at most this many tokens, one by one.</summary>
    public static Dictionary<string, double> AllOfTransducer(SeqModel model, float[] features, int maxTokens)
    {
        var count = features.Length / SmallDecoder.Hidden;
        using var encoder = model.CreateSession("encoder", new SeqSessionOptions { MaxSizes = { ["T"] = count } });
        using var predict = model.CreateSession("predict");
        using var joint = model.CreateSession("joint");
        features.CopyTo(encoder.Input<float>(0));
        if (encoder.Inputs.Count > 1) encoder.Input<long>(1)[0] = count;
        encoder.Run();
        var rows = encoder.Output<float>(0).ToArray();
        var known = new Dictionary<(int Frame, string Prefix), double[]>();
        var all = new Dictionary<string, double>();
        Walk(frame: 0, [], logProbability: 0);
        return all;

        void Walk(int frame, int[] prefix, double logProbability)
        {
            var key = string.Join(' ', prefix);
            if (frame == count)
            {
                all[key] = all.GetValueOrDefault(key) + Math.Exp(logProbability);
                return;
            }

            if (!known.TryGetValue((frame, key), out var scores)) known[(frame, key)] = scores = Score(frame, prefix);
            Walk(frame + 1, prefix, logProbability + scores[Blank]);
            if (prefix.Length == maxTokens) return;
            for (var token = 1; token < Labels; token++) Walk(frame, [.. prefix, token], logProbability + scores[token]);
        }

        double[] Score(int frame, int[] prefix)
        {
            // All tokens one after the other through a state, or the last few at once.
            predict.ResetState();
            var context = predict.Input<long>(0).Length;
            int[] tokens = [.. Enumerable.Repeat(Blank, context), .. prefix];
            for (var at = context == 1 ? 0 : tokens.Length - context; at <= tokens.Length - context; at++)
            {
                for (var i = 0; i < context; i++) predict.Input<long>(0)[i] = tokens[at + i];
                predict.Run();
            }

            rows.AsSpan(frame * SmallDecoder.Hidden, SmallDecoder.Hidden).CopyTo(joint.Input<float>(0));
            predict.Output<float>(0).CopyTo(joint.Input<float>(1));
            joint.Run();
            return LogSoftmax(joint.Output<float>(0).ToArray());
        }
    }

    private static double[] LogSoftmax(float[] logits)
    {
        var largest = (double)logits.Max();
        var sum = Math.Log(logits.Sum(l => Math.Exp(l - largest))) + largest;
        return [.. logits.Select(l => l - sum)];
    }

    private static void Describe(SeqModelBuilder model, string kind)
    {
        model.Metadata[DecodingKeys.Kind] = kind;
        model.Metadata[DecodingKeys.Encoder] = "encoder";
        model.Metadata[DecodingKeys.Blank] = $"{Blank}";
        model.Tables[DecodingKeys.TargetTable] = Table;
    }
}
