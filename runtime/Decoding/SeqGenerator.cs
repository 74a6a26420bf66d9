using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Decoding;

/// <summary>
/// Goes on with a prompt by a language model: greedily, by beam search, or by sampling. Made by
/// <see cref="SeqModelExtensions.CreateGenerator"/>; afterwards nothing allocates. Belongs to one thread at a time.
/// </summary>
/// <example>
/// <code>
/// using var model = SeqModel.Load("text.seq");
/// using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxTokens = 200, Sampling = new SamplingOptions { Temperature = 0.8f } });
/// Console.WriteLine(generator.Generate("The ")[0].Text);
/// </code>
/// </example>
public sealed partial class SeqGenerator : IDisposable, IResultSource
{
    private readonly LanguageGraph _graph;
    private readonly DecoderMemory _memory;
    private readonly Results _results;
    private readonly BeamSearch _search;
    private readonly int[] _prompt;
    private readonly int _unknown;
    private readonly int? _begin;
    private readonly bool _isGreedy;
    private readonly bool _endsWhereFull;
    private int _pending;
    private bool _hasPending;
    private bool _canContinue;
    private int _version;
    private Turn _turn;
    private bool _disposed;

    internal SeqGenerator(SeqModel model, SeqDecoderOptions options)
    {
        options.Check();
        if (options.CoveragePenalty != 0) throw new ArgumentException($"{nameof(SeqDecoderOptions.CoveragePenalty)} is for attention to a source, which a language model does not have.");
        _memory = new DecoderMemory(options.MemoryLimitBytes);
        var info = DecodingInfo.Of(model, DecodingKeys.LanguageModel);
        Model = model;
        Results = new DecodeResultCollection(this);
        var shape = LanguageShape.Of(model, info);
        MaxTokens = options.MaxTokensOf(info);
        _endsWhereFull = options.MaxTokens is null && info.Number(DecodingKeys.Max) is null;
        if (options.MaxTokens is null && shape.MostSteps is { } fits) MaxTokens = Math.Clamp(MaxTokens, 1, Math.Max(1, fits - 1));
        if (MaxTokens >= shape.MostSteps) throw new ArgumentException($"{nameof(SeqDecoderOptions.MaxTokens)} is {MaxTokens}; the model's caches hold {shape.MostSteps} tokens, prompt included, so it must be at most {shape.MostSteps - 1}.");
        MaxPromptLength = options.MaxSourceLength;
        _begin = info.Number(DecodingKeys.Begin);
        var end = info.Number(DecodingKeys.End);
        _unknown = info.Number(DecodingKeys.Unknown) ?? -1;
        _isGreedy = options.BeamWidth == 1;
        Table = info.Table(DecodingKeys.TargetTable, _memory, _begin, end, _unknown < 0 ? null : _unknown);
        _prompt = _memory.Array<int>("prompt", MaxPromptLength + 1L);
        _graph = new LanguageGraph(model, info, shape, options, MaxTokens, _memory);
        try
        {
            if (end >= _graph.Vocabulary) throw new ArgumentException($"Token {end}, which ends a text, is outside the model's tokens (0 to {_graph.Vocabulary - 1}).");
            if (_graph.AlignmentStride > 0) throw new ArgumentException($"The model's metadata name '{info.Text(DecodingKeys.Alignment)}' as the alignment; a language model has none.");
            options.CheckWork(MaxTokens, Math.Ceiling(MaxPromptLength / (double)_graph.Piece) * _graph.WorkOfRun + (MaxTokens + 1.0) * _graph.WorkOfStep);
            _search = new BeamSearch(model, _graph, end, Table, MaxTokens, options, Sampler.Of(options, model.Kernels, _graph.Vocabulary, _memory), _memory);
            _results = _search.Results;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public SeqModel Model { get; }

    /// <summary>Texts of tokens, or null if the model has none.</summary>
    public TokenTable? Table { get; }

    /// <summary>The token for text that <see cref="Table"/> does not cover; null if such text is an error.</summary>
    public int? UnknownToken => _unknown < 0 ? null : _unknown;

    /// <summary>The token put before each prompt that does not start with it; null if the model names none.</summary>
    public int? BeginToken => _begin;

    /// <summary>Most tokens of a result without the end token. If neither the options nor the model name a number, a result may end before, where the model holds no more.</summary>
    public int MaxTokens { get; }

    /// <summary>Longest prompt in tokens, the begin token included.</summary>
    public int MaxPromptLength { get; }

    /// <summary>Most tokens, prompts and results together, from one <see cref="Generate(ReadOnlySpan{int}, DecodeRequest?, CancellationToken)"/> to the next; null if nothing limits them.</summary>
    public int? MaxContextLength => _graph.MaxContext;

    /// <summary>Tokens that the model has read since the last call of <see cref="Generate(ReadOnlySpan{int}, DecodeRequest?, CancellationToken)"/> began.</summary>
    public int ContextLength => _graph.Count;

    /// <summary>Number of different tokens.</summary>
    public int VocabularySize => _graph.Vocabulary;

    /// <summary>Bytes that the generator holds: the session with states or caches, scores, hypotheses, results and the table. It never grows.</summary>
    public long MemoryBytes => _memory.Used;

    /// <summary>The results of the last call, best first.</summary>
    public DecodeResultCollection Results { get; }

#pragma warning disable RS0026 // The overloads differ in their first argument, which must be given: optional ones behind it make no call ambiguous.
    /// <summary>Goes on with a prompt. Results do not contain it. Allocates nothing.</summary>
    /// <param name="prompt">Its tokens. <see cref="BeginToken"/> is put before them unless they start with it.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The prompt is empty and the model has no begin token, it is too long, does not fit into the model's caches together with the most tokens
    /// of a result, or has a token out of range; or a setting of the request is out of range.
    /// </exception>
    /// <exception cref="SeqDataException">The graph cannot use a token, such as one outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">A call is running: <see cref="DecodeRequest.OnToken"/> or another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; there are no results.</exception>
    public DecodeResultCollection Generate(ReadOnlySpan<int> prompt, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            return Start(Copy(prompt), request, cancellationToken);
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <summary>Splits a prompt by the model's table and goes on with it. Results do not contain it. Allocates nothing.</summary>
    /// <param name="prompt">The text; what the table does not cover (<see cref="TokenTable.FindUnknownCharacters"/>) becomes <see cref="UnknownToken"/>.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The prompt is empty and the model has no begin token, it is too long, does not fit into the model's caches together with the most tokens
    /// of a result, or has text that the table does not cover and the model has no unknown token; or a setting of the request is out of range.
    /// </exception>
    /// <exception cref="SeqDataException">The graph cannot use a token, such as one outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">The model has no table; or a call is running: <see cref="DecodeRequest.OnToken"/> or another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; there are no results.</exception>
    public DecodeResultCollection Generate(ReadOnlySpan<char> prompt, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            return Start(Split(prompt), request, cancellationToken);
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <summary>
    /// Goes on after the last result: the model keeps what it has read, so that only the new tokens are run. Needs <see cref="SeqDecoderOptions.BeamWidth"/> 1.
    /// The end token of a complete result has not been read; give it first if the model expects it. Allocates nothing.
    /// </summary>
    /// <param name="tokens">Tokens that follow the last result; empty to generate more.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">There are too many tokens, they do not fit into the model's caches, or one is out of range; or a setting of the request is out of range.</exception>
    /// <exception cref="SeqDataException">The graph cannot use a token, such as one outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">There is no result to go on after, the beam is wider than 1, or a call is running.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; there are no results.</exception>
    public DecodeResultCollection Continue(ReadOnlySpan<int> tokens, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            return GoOn(Copy(tokens), request, cancellationToken);
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <inheritdoc cref="Continue(ReadOnlySpan{int}, DecodeRequest?, CancellationToken)"/>
    /// <param name="text">Text that follows the last result; empty to generate more.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    public DecodeResultCollection Continue(ReadOnlySpan<char> text, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            return GoOn(Split(text), request, cancellationToken);
        }
        finally
        {
            _turn.Leave();
        }
    }
#pragma warning restore RS0026

    /// <summary>Frees the session.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _graph.Dispose();
    }
}
