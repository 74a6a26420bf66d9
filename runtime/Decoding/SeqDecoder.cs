using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Decoding;

/// <summary>Called for each token taken. A beam reports the newest token of its best hypothesis, which a later step may replace.</summary>
/// <param name="position">Steps since the start of the sentence.</param>
/// <param name="token">The token.</param>
/// <param name="logProbability">The token's log probability.</param>
/// <returns>False to end the search.</returns>
public delegate bool TokenCallback(int position, int token, float logProbability);

/// <summary>
/// Finds the best target sequences of an encoder-decoder model: greedily, by beam search, or by sampling. Made by
/// <see cref="SeqModelExtensions.CreateDecoder"/>; afterwards nothing allocates. Belongs to one thread at a time.
/// </summary>
/// <example>
/// <code>
/// using var model = SeqModel.Load("g2p.seq");
/// using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
/// foreach (var result in decoder.Decode("hello")) Console.WriteLine($"{result.Text}  {result.Score}");
/// </code>
/// </example>
public sealed partial class SeqDecoder : IDisposable
{
    private readonly Encoder _encoder;
    private readonly StepGraph _step;
    private readonly DecoderMemory _memory;
    private readonly Sources _sources;
    private readonly BatchSearch _search;
    private readonly DecodeResultCollection[] _batch;
    private readonly int _unknown;
    private int _version;
    private Turn _turn;
    private bool _disposed;

    internal SeqDecoder(SeqModel model, SeqDecoderOptions options)
    {
        options.Check();
        _memory = new DecoderMemory(options.MemoryLimitBytes);
        var info = DecodingInfo.Of(model, DecodingKeys.EncoderDecoder);
        Model = model;
        MaxTokens = options.MaxTokensOf(info);
        var (begin, end) = (info.Number(DecodingKeys.Begin) ?? throw new ArgumentException("The model's metadata do not give the token that begins a target."), info.Number(DecodingKeys.End));
        _unknown = info.Number(DecodingKeys.Unknown) ?? -1;
        var (sourceBegin, sourceEnd) = (info.Number(DecodingKeys.SourceBegin), info.Number(DecodingKeys.SourceEnd));
        SourceTable = info.Table(DecodingKeys.SourceTable, _memory, _unknown < 0 ? null : _unknown, sourceBegin, sourceEnd);
        TargetTable = info.Table(DecodingKeys.TargetTable, _memory, begin, end);
        _encoder = new Encoder(model, info, options, _memory);
        try
        {
            _sources = new Sources(options.BatchSize, _encoder.MaxLength, sourceBegin, sourceEnd, _memory);
            _step = new StepGraph(model, info, _encoder, options, _memory);
            if (begin >= _step.Vocabulary || end >= _step.Vocabulary) throw new ArgumentException($"Token {(begin >= _step.Vocabulary ? begin : end)}, which begins or ends a target, is outside the step's tokens (0 to {_step.Vocabulary - 1}).");
            options.CheckWork(MaxTokens, _encoder.Work + (MaxTokens + 1.0) * _step.Work);
            var sampler = Sampler.Of(options, model.Kernels, _step.Vocabulary, _memory);
            _search = new BatchSearch(_encoder, _step, begin, () => new BeamSearch(model, _step, end, TargetTable, MaxTokens, options, sampler, _memory), options, _memory);
            _batch = [.. Enumerable.Range(0, options.BatchSize).Select(source => new DecodeResultCollection(new ResultsOfSource(this, source)))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public SeqModel Model { get; }

    /// <summary>Texts of source tokens, or null if the model has none.</summary>
    public TokenTable? SourceTable { get; }

    /// <summary>The source token for text that <see cref="SourceTable"/> does not cover; null if such text is an error.</summary>
    public int? UnknownToken => _unknown < 0 ? null : _unknown;

    /// <summary>Texts of target tokens, or null if the model has none.</summary>
    public TokenTable? TargetTable { get; }

    /// <summary>Most tokens of a result without the end token. Longer hypotheses are cut and ranked as <see cref="DecodeRequest.OnToken"/> says.</summary>
    public int MaxTokens { get; }

    /// <summary>Longest source in tokens, begin and end tokens included.</summary>
    public int MaxSourceLength => _encoder.MaxLength;

    /// <summary>Number of different target tokens.</summary>
    public int VocabularySize => _step.Vocabulary;

    /// <summary>Bytes that the decoder holds: both sessions, scores, hypotheses, results and tables. It never grows.</summary>
    public long MemoryBytes => _memory.Used;

    /// <summary>Most sources of one call of <see cref="DecodeBatch(ReadOnlySpan{string}, DecodeRequest?, CancellationToken)"/>.</summary>
    public int BatchSize => _sources.Capacity;

    /// <summary>Source of the last call, of a batch its first, with begin and end tokens where the model has them.</summary>
    public ReadOnlySpan<int> SourceTokens => _sources.Count == 0 ? [] : _sources[0];

    /// <summary>The results of the last call, of a batch those of its first source, best first.</summary>
    public DecodeResultCollection Results => _batch[0];

    /// <summary>A source of the last call, with begin and end tokens where the model has them.</summary>
    /// <param name="index">Its place in the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">The last call had no such source.</exception>
    public ReadOnlySpan<int> GetSourceTokens(int index) => (uint)index < (uint)_sources.Count ? _sources[index] : throw DecodingError.NoSource(index, _sources.Count);

#pragma warning disable RS0026 // The overloads differ in their first argument, which must be given: optional ones behind it make no call ambiguous.
    /// <summary>Finds the best targets of a source. Allocates nothing.</summary>
    /// <param name="tokens">Source tokens without begin and end tokens, which the decoder adds.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The source is empty and the model adds no begin or end token, it is too long, or a token is out of range; or the prefix is longer than
    /// <see cref="MaxTokens"/>, or has a token that no result can have.
    /// </exception>
    /// <exception cref="SeqDataException">A graph cannot use an input, such as a token outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">A search is running: <see cref="DecodeRequest.OnToken"/> or another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; there are no results.</exception>
    public DecodeResultCollection Decode(ReadOnlySpan<int> tokens, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin(request);
        try
        {
            Add(tokens);
            return Search(request, cancellationToken)[0];
        }
        finally
        {
            End();
        }
    }

    /// <summary>Splits a text by the model's source table and finds its best targets. Allocates nothing.</summary>
    /// <param name="text">The source; what the table does not cover (<see cref="TokenTable.FindUnknownCharacters"/>) becomes <see cref="UnknownToken"/>.</param>
    /// <param name="request">Settings of this call; null for the defaults.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The source is empty and the model adds no begin or end token, it is too long, or has text that the table does not cover and the model has no
    /// unknown token; or the prefix is longer than <see cref="MaxTokens"/>, or has a token that no result can have.
    /// </exception>
    /// <exception cref="SeqDataException">A graph cannot use an input, such as a token outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">The model has no source table; or a search is running: <see cref="DecodeRequest.OnToken"/> or another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; there are no results.</exception>
    public DecodeResultCollection Decode(ReadOnlySpan<char> text, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin(request);
        try
        {
            Add(text);
            return Search(request, cancellationToken)[0];
        }
        finally
        {
            End();
        }
    }

    /// <summary>
    /// Finds the best targets of several sources, bit for bit those of single calls. The hypotheses of all sources run together; where the model attends to the
    /// source, only those of sources of one length do. Allocates nothing.
    /// </summary>
    /// <param name="sources">At most <see cref="BatchSize"/> sources; of each, tokens without begin and end tokens, which the decoder adds.</param>
    /// <param name="request">Settings for each source; null for the defaults. It must have no <see cref="DecodeRequest.OnToken"/>.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns>The results of each source, in the order of the sources. The next call overwrites them.</returns>
    /// <exception cref="ArgumentException">There are too many sources, the request has a callback, or one of the sources is refused as in a single call. There are no results.</exception>
    /// <exception cref="SeqDataException">A graph cannot use an input, such as a token outside its embedding table. There are no results.</exception>
    /// <exception cref="InvalidOperationException">A search is running: another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled. There are no results.</exception>
    public ReadOnlySpan<DecodeResultCollection> DecodeBatch(ReadOnlySpan<ReadOnlyMemory<int>> sources, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin(request, sources.Length);
        try
        {
            foreach (ref readonly var source in sources) Add(source.Span);
            return Search(request, cancellationToken);
        }
        catch (ArgumentException fault) when (IsRefused(sources.Length))
        {
            throw DecodingError.OfSource(_sources.Count, fault);
        }
        finally
        {
            End();
        }
    }

    /// <summary>The same for texts, which the model's source table splits.</summary>
    /// <param name="texts">At most <see cref="BatchSize"/> sources.</param>
    /// <param name="request">Settings for each source; null for the defaults. It must have no <see cref="DecodeRequest.OnToken"/>.</param>
    /// <param name="cancellationToken">Checked before each node of each step.</param>
    /// <returns>The results of each source, in the order of the sources. The next call overwrites them.</returns>
    /// <exception cref="ArgumentException">There are too many sources, the request has a callback, or one of the sources is refused as in a single call. There are no results.</exception>
    /// <exception cref="SeqDataException">A graph cannot use an input, such as a token outside its embedding table. There are no results.</exception>
    /// <exception cref="InvalidOperationException">The model has no source table; or a search is running: another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled. There are no results.</exception>
    public ReadOnlySpan<DecodeResultCollection> DecodeBatch(ReadOnlySpan<string> texts, DecodeRequest? request = null, CancellationToken cancellationToken = default)
    {
        Begin(request, texts.Length);
        try
        {
            foreach (var text in texts) Add(text);
            return Search(request, cancellationToken);
        }
        catch (ArgumentException fault) when (IsRefused(texts.Length))
        {
            throw DecodingError.OfSource(_sources.Count, fault);
        }
        finally
        {
            End();
        }
    }
#pragma warning restore RS0026

    /// <summary>Frees the sessions.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _encoder.Dispose();
        _step?.Dispose();
    }
}
