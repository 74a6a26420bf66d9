using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Measuring;

/// <summary>What is chosen by an output.</summary>
internal enum OutputChoice
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The class with the largest number.</summary>
    Largest,

    /// <summary>Yes or no, at 0.5.</summary>
    Half,

    /// <summary>The output is an integer, or true or false.</summary>
    Same,
}

/// <summary>Tells which outputs are choices: those of softmax and sigmoid nodes, integers, and the scores that a decoder reads.</summary>
internal static class OutputChoices
{
    /// <summary>Most numbers of a run that are taken for decisions. A wider output of a sigmoid is a mask or the like.</summary>
    private const int MostDecisions = 32;

    public static string InWords(this OutputChoice choice) => choice switch
    {
        OutputChoice.Largest => "largest of each row",
        OutputChoice.Half => "decisions at 0.5",
        _ => "equal values",
    };

    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="output">Index of the output.</param>
    /// <param name="type">Type of its elements.</param>
    /// <param name="shape">Its shape.</param>
    public static OutputChoice Of(SeqModel model, LoadedGraph graph, int output, ElementType type, ReadOnlySpan<int> shape)
    {
        if (type is not (ElementType.Float32 or ElementType.Float64)) return OutputChoice.Same;
        if (IsScores(model, graph, output)) return OutputChoice.Largest;
        var last = shape.Length == 0 ? 1 : shape[^1];
        for (var value = graph.Outputs[output]; Array.Find(graph.Nodes, n => n.Outputs.Contains(value)) is { } node; value = node.Inputs[0])
        {
            switch (node.Kind)
            {
                case OpKind.Softmax or OpKind.LogSoftmax or OpKind.Hardmax:
                    return OutputChoice.Largest;
                case OpKind.Unary when (UnaryFunction)node.Attributes.Int(AttributeKey.Function, 0) is UnaryFunction.Sigmoid or UnaryFunction.HardSigmoid:
                    return last <= MostDecisions ? OutputChoice.Half : OutputChoice.None;
                case OpKind.Identity or OpKind.Reshape or OpKind.Squeeze or OpKind.Unsqueeze or OpKind.Flatten or OpKind.Transpose or OpKind.Slice:
                case OpKind.Reduce when (ReduceFunction)node.Attributes.Int(AttributeKey.Function, 0) is ReduceFunction.Mean or ReduceFunction.Max:
                    continue;
                default:
                    return OutputChoice.None;
            }
        }

        return OutputChoice.None;
    }

    /// <summary>Whether a decoder reads the output as scores of tokens.</summary>
    private static bool IsScores(SeqModel model, LoadedGraph graph, int output)
    {
        var key = model.Metadata.GetValueOrDefault(DecodingKeys.Kind) switch
        {
            DecodingKeys.Ctc => DecodingKeys.Encoder,
            DecodingKeys.Transducer => DecodingKeys.Joint,
            DecodingKeys.EncoderDecoder or DecodingKeys.LanguageModel => DecodingKeys.Step,
            _ => null,
        };
        if (key is null || model.Metadata.GetValueOrDefault(key, graph.Name) != graph.Name || (!model.Metadata.ContainsKey(key) && model.Graphs.Count > 1)) return false;
        return model.Metadata.TryGetValue(DecodingKeys.Logits, out var name) ? graph.Values[graph.Outputs[output]].Name == name : graph.Outputs.Length == 1;
    }
}
