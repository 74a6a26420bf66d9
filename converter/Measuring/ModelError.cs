using System.Globalization;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Measuring;

/// <summary>Measures a model with rounded weights against the same model in fp32, graph by graph.</summary>
internal static class ModelError
{
    private const string Hint = "give --samples";

    /// <summary>Most tokens of a generated source.</summary>
    private const int LongestSource = 12;

    /// <param name="exact">The model in fp32.</param>
    /// <param name="rounded">The same model with other weights.</param>
    /// <param name="given">The samples that the user gave.</param>
    /// <param name="progress">Receives the graphs, as a share of 1.</param>
    public static Measurement Of(SeqModel exact, SeqModel rounded, SampleSet given, Action<string, double>? progress = null)
    {
        var decoded = Decoded(exact, given);
        var graphs = new List<GraphError>();
        foreach (var (index, graph) in exact.Graphs.Index())
        {
            void Done(double share) => progress?.Invoke(graph.Name, (index + share) / exact.Graphs.Count);
            Done(0);
            var isOfDecoder = decoded.Contains(graph.Name);
            if (isOfDecoder && graph.Name != decoded[^1]) continue;
            graphs.Add(Guarded(graph.Name, () => isOfDecoder ? Decode(exact, rounded, given.Tokens, Done) : SideBySide.Run(exact, rounded, given.Graphs.GetValueOrDefault(graph.Name) ?? GeneratedSamples.Of(exact, graph), Done)));
        }

        return new Measurement(graphs);
    }

    /// <summary>Measures. What a model refuses is no fault of the conversion.</summary>
    private static GraphError Guarded(string graph, Func<GraphError> measure)
    {
        try
        {
            return measure();
        }
        catch (Exception fault) when (fault is SeqDataException or ArgumentException or SeqFormatException or ConversionException)
        {
            return GraphError.None(graph, $"{fault.Message.TrimEnd('.')}; {Hint}");
        }
    }

    /// <summary>The graphs that decoding measures together, its last graph last. A graph for which the user gave arrays is measured by itself.</summary>
    private static List<string> Decoded(SeqModel model, SampleSet given)
    {
        var kind = model.Metadata.GetValueOrDefault(DecodingKeys.Kind);
        if (kind is not (DecodingKeys.EncoderDecoder or DecodingKeys.LanguageModel)) return [];
        var info = DecodingInfo.Of(model, kind);
        List<string> graphs = kind == DecodingKeys.EncoderDecoder ? [info.Graph(DecodingKeys.Encoder).Name, info.Graph(DecodingKeys.Step).Name] : [info.GraphOrOnly(DecodingKeys.Step).Name];
        return given.Tokens is null && graphs.Exists(given.Graphs.ContainsKey) ? [] : graphs;
    }

    private static GraphError Decode(SeqModel exact, SeqModel rounded, TokenSamples? given, Action<double> progress)
    {
        var kind = exact.Metadata[DecodingKeys.Kind];
        return kind == DecodingKeys.EncoderDecoder
            ? SideBySideDecoding.EncoderDecoder(exact, rounded, given ?? Sources(exact), progress)
            : SideBySideDecoding.LanguageModel(exact, rounded, given ?? Starts(exact), progress);
    }

    /// <summary>Random sources of an encoder.</summary>
    private static TokenSamples Sources(SeqModel model)
    {
        var info = DecodingInfo.Of(model, DecodingKeys.EncoderDecoder);
        var graph = info.Graph(DecodingKeys.Encoder);
        var source = SourceGraph.SourceOf(graph, info);
        var isOpen = source.Dimensions!.Any(d => d.Symbol is not null);
        var length = isOpen ? LongestSource : source.Dimensions!.Aggregate(1, (product, d) => product * d.Size!.Value) - (info.Number(DecodingKeys.SourceBegin) is null ? 0 : 1) - (info.Number(DecodingKeys.SourceEnd) is null ? 0 : 1);
        return GeneratedSamples.Lines(Range(model, graph, source), Special(model, DecodingKeys.SourceBegin, DecodingKeys.SourceEnd, DecodingKeys.Unknown), (isOpen ? 3 : length, length));
    }

    /// <summary>First tokens of texts: the model's own begin token, if it has one.</summary>
    private static TokenSamples Starts(SeqModel model)
    {
        var info = DecodingInfo.Of(model, DecodingKeys.LanguageModel);
        if (info.Number(DecodingKeys.Begin) is { } begin) return new TokenSamples([.. Enumerable.Repeat<int[]>([begin], GeneratedSamples.Least)], "its begin token", IsGiven: false);
        var graph = info.GraphOrOnly(DecodingKeys.Step);
        return GeneratedSamples.Lines(Range(model, graph, StepRows.TokenOf(info, graph)), Special(model, DecodingKeys.End, DecodingKeys.Unknown), (1, 1));
    }

    private static InputFact Range(SeqModel model, SeqGraphInfo graph, SeqPortInfo input) => GeneratedSamples.FactsOf(model, graph)[input.Index] is { Kind: InputKind.Tokens } fact
        ? fact
        : throw new ConversionException($"the graph does not tell how many tokens '{input.Name}' has");

    private static int[] Special(SeqModel model, params IEnumerable<string> keys) =>
        [.. keys.Select(key => int.TryParse(model.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var token) ? token : -1)];
}
