using SeqRuntime.Converter.Samples;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Measuring;

/// <summary>
/// Compares the scores of an encoder-decoder or a language model. The model in fp32 decodes; the other one reads the same tokens, so that step
/// by step both score the same prefix. The error of an encoder is part of the error of the scores.
/// </summary>
internal static class SideBySideDecoding
{
    /// <summary>Most steps of one target or text.</summary>
    private const int MostSteps = 64;

    /// <summary>Compares an encoder-decoder: each source is decoded greedily.</summary>
    /// <param name="exact">The model in fp32.</param>
    /// <param name="rounded">The same model with other weights.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="progress">Receives the share of sources that are done.</param>
    /// <exception cref="ArgumentException">No decoder can be made, or it refuses a source.</exception>
    /// <exception cref="SeqDataException">A graph cannot use a token.</exception>
    public static GraphError EncoderDecoder(SeqModel exact, SeqModel rounded, TokenSamples sources, Action<double>? progress = null)
    {
        var longest = sources.Lines.Max(line => line.Length) + 2;
        using Translator first = new(exact, longest), second = new(rounded, longest);
        var sum = new ErrorSum(first.Output, OutputChoice.Largest);
        var most = Math.Min(first.MostTokens + 1, MostSteps);
        var steps = 0L;
        foreach (var (line, source) in sources.Lines.Index())
        {
            progress?.Invoke((double)line / sources.Lines.Count);
            first.Read(source);
            second.Read(source);
            var token = first.Begin;
            for (var position = 0; position < most; position++, steps++)
            {
                var scores = first.Step(token, position);
                var others = second.Step(token, position);
                sum.Add(scores, others, ErrorSum.PartOf(position, most));
                sum.AddChoices(scores, others, [scores.Length]);
                token = Best(first.LogProbabilities);
                if (token != first.End) continue;
                steps++;
                break;
            }
        }

        return new GraphError(first.Graph, [sum.Result()], sources.Lines.Count, steps, $"greedy decoding of {sources.What}", sources.IsGiven);
    }

    /// <summary>Compares a language model. After given tokens or a random first token, generated texts go on with tokens that the model in fp32 draws.</summary>
    /// <param name="exact">The model in fp32.</param>
    /// <param name="rounded">The same model with other weights.</param>
    /// <param name="texts">Texts, or the starts of texts to generate.</param>
    /// <param name="progress">Receives the share of texts that are done.</param>
    /// <exception cref="ArgumentException">No generator can be made.</exception>
    /// <exception cref="SeqDataException">The graph cannot use a token.</exception>
    public static GraphError LanguageModel(SeqModel exact, SeqModel rounded, TokenSamples texts, Action<double>? progress = null)
    {
        var longest = Math.Max(texts.Lines.Max(line => line.Length), texts.IsGiven ? 1 : MostSteps) + 1;
        using Writer first = new(exact, longest), second = new(rounded, longest);
        var sum = new ErrorSum(first.Output, OutputChoice.Largest);
        var sampler = new Sampler(new SamplingOptions { Seed = 1 }, exact.Kernels, first.Vocabulary, new DecoderMemory(long.MaxValue));
        var steps = 0L;
        foreach (var (line, text) in texts.Lines.Index())
        {
            progress?.Invoke((double)line / texts.Lines.Count);
            first.Start();
            second.Start();
            var most = Math.Min(texts.IsGiven ? text.Length : Math.Max(text.Length, MostSteps), first.MostTokens - 1);
            var token = text.Length > 0 ? text[0] : 0;
            for (var position = 0; position < most; position++, steps++)
            {
                var scores = first.Step(token, position);
                var others = second.Step(token, position);
                sum.Add(scores, others, ErrorSum.PartOf(position, most));
                sum.AddChoices(scores, others, [scores.Length]);
                token = position + 1 < text.Length ? text[position + 1] : Math.Max(sampler.Draw(first.LogProbabilities), 0);
            }
        }

        return new GraphError(first.Graph, [sum.Result()], texts.Lines.Count, steps, texts.IsGiven ? texts.What : $"texts that the model draws after {texts.What}", texts.IsGiven);
    }

    private static int Best(ReadOnlySpan<float> row)
    {
        var best = 0;
        for (var i = 1; i < row.Length; i++)
        {
            if (row[i] > row[best]) best = i;
        }

        return best;
    }

    /// <summary>Encoder and step of one model.</summary>
    private sealed class Translator : IDisposable
    {
        private static readonly int[] s_first = [0];
        private readonly Encoder _encoder;
        private readonly StepGraph _step;
        private readonly Sources _sources;

        public Translator(SeqModel model, int longest)
        {
            var memory = new DecoderMemory(long.MaxValue);
            var options = new SeqDecoderOptions { MaxSourceLength = longest, MemoryLimitBytes = long.MaxValue };
            var info = DecodingInfo.Of(model, DecodingKeys.EncoderDecoder);
            (Begin, End, MostTokens) = (info.Number(DecodingKeys.Begin) ?? 0, info.Number(DecodingKeys.End) ?? -1, options.MaxTokensOf(info));
            _encoder = new Encoder(model, info, options, memory);
            try
            {
                _step = new StepGraph(model, info, _encoder, options, memory);
                _sources = new Sources(1, _encoder.MaxLength, info.Number(DecodingKeys.SourceBegin), info.Number(DecodingKeys.SourceEnd), memory);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public string Graph => _step.Graph.Name;

        public string Output => _step.LogitsName;

        public int Begin { get; }

        public int End { get; }

        public int MostTokens { get; }

        public ReadOnlySpan<float> LogProbabilities => _step.LogProbabilities(0);

        public void Read(int[] source)
        {
            _sources.Clear();
            var room = _sources.Room(0);
            source.AsSpan(0, Math.Min(source.Length, room.Length)).CopyTo(room);
            _sources.Add(Math.Min(source.Length, room.Length));
            _encoder.Run(_sources, s_first, CancellationToken.None);
            _step.Begin();
            _step.Add(0);
            _step.RunSources(CancellationToken.None);
        }

        public ReadOnlySpan<float> Step(int token, int position)
        {
            _step.Run([token], s_first, s_first, position, CancellationToken.None);
            return _step.Logits(0);
        }

        public void Dispose()
        {
            _encoder.Dispose();
            _step?.Dispose();
        }
    }

    /// <summary>The graph of a language model.</summary>
    private sealed class Writer : IDisposable
    {
        private static readonly int[] s_first = [0];
        private readonly LanguageGraph _graph;

        public Writer(SeqModel model, int longest)
        {
            var info = DecodingInfo.Of(model, DecodingKeys.LanguageModel);
            var shape = LanguageShape.Of(model, info);
            var memory = new DecoderMemory(long.MaxValue);
            _graph = new LanguageGraph(model, info, shape, new SeqDecoderOptions { MaxSourceLength = 1, MemoryLimitBytes = long.MaxValue }, longest, memory);
            Graph = shape.Graph.Name;
            MostTokens = Math.Min(_graph.MaxContext ?? longest, longest);
        }

        public string Graph { get; }

        public string Output => _graph.LogitsName;

        public int Vocabulary => _graph.Vocabulary;

        public int MostTokens { get; }

        public ReadOnlySpan<float> LogProbabilities => _graph.LogProbabilities(0);

        public void Start()
        {
            _graph.Reset();
            _graph.Begin();
        }

        public ReadOnlySpan<float> Step(int token, int position)
        {
            _graph.Run([token], s_first, position, [], 0, CancellationToken.None);
            return _graph.LastLogits;
        }

        public void Dispose() => _graph.Dispose();
    }
}
