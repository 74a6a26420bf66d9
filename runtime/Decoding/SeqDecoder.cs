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
public sealed class SeqDecoder : IDisposable, IResultSource
{
    private readonly Encoder _encoder;
    private readonly StepGraph _step;
    private readonly DecoderMemory _memory;
    private readonly Results _results;
    private readonly BeamSearch _search;
    private readonly int[] _source;
    private readonly int _begin;
    private readonly int _unknown;
    private readonly int? _sourceBegin;
    private readonly int? _sourceEnd;
    private int _version;
    private Turn _turn;
    private bool _disposed;

    internal SeqDecoder(SeqModel model, SeqDecoderOptions options)
    {
        options.Check();
        _memory = new DecoderMemory(options.MemoryLimitBytes);
        var info = DecodingInfo.Of(model, DecodingKeys.EncoderDecoder);
        Model = model;
        Results = new DecodeResultCollection(this);
        MaxTokens = options.MaxTokensOf(info);
        (_begin, var end) = (info.Number(DecodingKeys.Begin) ?? throw new ArgumentException("The model's metadata do not give the token that begins a target."), info.Number(DecodingKeys.End));
        _unknown = info.Number(DecodingKeys.Unknown) ?? -1;
        _sourceBegin = info.Number(DecodingKeys.SourceBegin);
        _sourceEnd = info.Number(DecodingKeys.SourceEnd);
        SourceTable = info.Table(DecodingKeys.SourceTable, _memory, _unknown < 0 ? null : _unknown, _sourceBegin, _sourceEnd);
        TargetTable = info.Table(DecodingKeys.TargetTable, _memory, _begin, end);
        _encoder = new Encoder(model, info, options, _memory);
        try
        {
            _source = _memory.Array<int>("source", _encoder.MaxLength);
            _step = new StepGraph(model, info, _encoder, options, _memory);
            if (_begin >= _step.Vocabulary || end >= _step.Vocabulary) throw new ArgumentException($"Token {(_begin >= _step.Vocabulary ? _begin : end)}, which begins or ends a target, is outside the step's tokens (0 to {_step.Vocabulary - 1}).");
            options.CheckWork(MaxTokens, _encoder.Session.Work + (MaxTokens + 1.0) * _step.Work);
            _search = new BeamSearch(model, _step, end, TargetTable, MaxTokens, options, _memory);
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

    /// <summary>Source of the last call of <see cref="Decode(ReadOnlySpan{int}, DecodeRequest?, CancellationToken)"/>, with begin and end tokens where the model has them.</summary>
    public ReadOnlySpan<int> SourceTokens => _source.AsSpan(0, _encoder.Length);

    /// <summary>The results of the last call, best first.</summary>
    public DecodeResultCollection Results { get; }

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
        Begin();
        try
        {
            _search.Take(request);
            foreach (var token in tokens)
            {
                if (token < 0 || token >= (SourceTable?.Count ?? int.MaxValue)) throw new ArgumentException($"The source has token {token}; tokens must be {(SourceTable is null ? "at least 0" : $"from 0 to {SourceTable.Count - 1}")}.");
            }

            var room = Room();
            if (tokens.Length > room.Length) throw new ArgumentException($"The source has {DecodingError.Count(tokens.Length, "token")}; at most {room.Length} fit (MaxSourceLength is {MaxSourceLength}, including begin and end tokens).");
            tokens.CopyTo(room);
            return Search(tokens.Length, request, cancellationToken);
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
        Begin();
        try
        {
            _search.Take(request);
            var table = SourceTable ?? throw new InvalidOperationException("The model has no source table; give token indices.");
            return Search(table.Split(text, Room(), _unknown), request, cancellationToken);
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

    int IResultSource.Version => _version;

    int IResultSource.ResultCount => _results.Count;

    ReadOnlySpan<int> IResultSource.Tokens(int rank) => Found.Tokens(rank);

    float IResultSource.Score(int rank) => Found[rank].Score;

    float IResultSource.LogProbability(int rank) => Found[rank].LogProbability;

    bool IResultSource.IsComplete(int rank) => Found[rank].IsComplete;

    ReadOnlySpan<int> IResultSource.Frames(int rank) => [];

    int IResultSource.AlignmentCount(int rank)
    {
        var rows = Found[rank].AlignmentRows;
        return _step.AlignmentStride == 0 ? 0 : rows;
    }

    ReadOnlySpan<float> IResultSource.Alignment(int rank, int step) => Found.Alignment(rank, step, Math.Min(_encoder.Length, _step.AlignmentStride));

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_turn.TryTake()) throw DecodingError.AtWork(nameof(DecodeRequest.OnToken));
    }

    private void End() => _turn.Leave();

    private Results Found
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _results;
        }
    }

    /// <summary>The place of the source's own tokens: after the begin token, with room for the end token.</summary>
    private Span<int> Room()
    {
        var start = _sourceBegin is null ? 0 : 1;
        return _source.AsSpan(start, Math.Max(_source.Length - start - (_sourceEnd is null ? 0 : 1), 0));
    }

    private DecodeResultCollection Search(int count, DecodeRequest? request, CancellationToken cancellationToken)
    {
        _version++;
        _results.Clear();
        if (_sourceBegin is { } begin)
        {
            _source[0] = begin;
            count++;
        }

        if (_sourceEnd is { } end) _source[count++] = end;
        try
        {
            _encoder.Run(_source.AsSpan(0, count), cancellationToken);
            var alignmentLength = Math.Min(count, _step.AlignmentStride);
            _search.Run([_begin], request, alignmentLength, cancellationToken);
            _results.Finish(alignmentLength);
        }
        catch
        {
            _results.Clear();
            throw;
        }

        return Results;
    }
}
