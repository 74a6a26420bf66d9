using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>Told of each token as it is taken, in a beam of the best hypothesis's newest, which a later step may still take back.</summary>
/// <param name="position">Steps since the sentence began.</param>
/// <param name="token">The token.</param>
/// <param name="logProbability">Its own log probability.</param>
/// <returns>False to end here.</returns>
public delegate bool TokenCallback(int position, int token, float logProbability);

/// <summary>
/// Finds the best target sequences of an encoder-decoder model: greedily, by beam search, or by sampling. Made by
/// <see cref="SeqModel.CreateDecoder"/>; afterwards nothing allocates. Belongs to one thread at a time.
/// </summary>
/// <example>
/// <code>
/// using var model = SeqModel.Load("g2p.seq");
/// using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
/// var found = decoder.Decode("hello");
/// for (var i = 0; i &lt; found; i++) Console.WriteLine($"{decoder.Text(i)}  {decoder.Score(i)}");
/// </code>
/// </example>
public sealed class SeqDecoder : IDisposable
{
    /// <summary>A search may take as many operations as so many of the heaviest runs that are allowed.</summary>
    private const double MostRuns = 10;

    private readonly Encoder _encoder;
    private readonly StepGraph _step;
    private readonly DecoderMemory _memory;
    private readonly Results _results;
    private readonly BeamSearch _search;
    private readonly Sampler? _sampler;
    private readonly int[] _source;
    private readonly int _unknown;
    private readonly int? _sourceBegin;
    private readonly int? _sourceEnd;
    private int _isSearching;
    private bool _disposed;

    internal SeqDecoder(SeqModel model, SeqDecoderOptions options)
    {
        options.Check();
        _memory = new DecoderMemory(options.MemoryLimitBytes);
        var info = DecodingInfo.Of(model, DecodingKeys.EncoderDecoder);
        Model = model;
        MaxTokens = options.MaxTokens ?? Math.Max(info.Number(DecodingKeys.Max) ?? 128, 1);
        if (MaxTokens > 1 << 20) throw new ArgumentException($"{MaxTokens} tokens are more than a decoder is made for.");
        var (begin, end) = (info.Number(DecodingKeys.Begin) ?? throw new ArgumentException("The model's metadata do not name the token a target begins with."), info.Number(DecodingKeys.End));
        _unknown = info.Number(DecodingKeys.Unknown) ?? -1;
        _sourceBegin = info.Number(DecodingKeys.SourceBegin);
        _sourceEnd = info.Number(DecodingKeys.SourceEnd);
        SourceTable = info.Table(DecodingKeys.SourceTable, _memory, _unknown < 0 ? null : _unknown, _sourceBegin, _sourceEnd);
        TargetTable = info.Table(DecodingKeys.TargetTable, _memory, begin, end);
        _encoder = new Encoder(model, info, options, _memory);
        try
        {
            _source = _memory.Array<int>("source", _encoder.MaxLength);
            _step = StepGraph.Make(model, info, _encoder, options, _memory);
            if (begin >= _step.Vocabulary || end >= _step.Vocabulary) throw new ArgumentException($"The begin or end token is beyond the {_step.Vocabulary} tokens that the step scores.");
            var work = _encoder.Session.Work + (MaxTokens + 1.0) * _step.Work;
            if (work > MostRuns * options.WorkLimit) throw SessionError.Work($"A search of {MaxTokens} tokens", work, MostRuns * options.WorkLimit);
            if (TargetTable is { } table && table.Count < _step.Vocabulary) throw new ArgumentException($"The target table has {table.Count} tokens; the step scores {_step.Vocabulary}.");
            var lattice = new Lattice(options.BeamWidth, MaxTokens + 1, _step.AlignmentStride, _memory);
            _results = new Results(lattice, options.MaxResults, MaxTokens + 1, options, model.Kernels, _memory);
            _sampler = options.Sampling is { } sampling ? new Sampler(sampling, model.Kernels, _step.Vocabulary, _memory) : null;
            _search = new BeamSearch(_step, lattice, _results, _sampler, begin, end ?? -1, MaxTokens, options, _memory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public SeqModel Model { get; }

    /// <summary>Texts of source tokens, or null where the model has none.</summary>
    public TokenTable? SourceTable { get; }

    /// <summary>The source token that stands for what <see cref="SourceTable"/> does not cover, or null where the model has none and refuses it.</summary>
    public int? UnknownToken => _unknown < 0 ? null : _unknown;

    /// <summary>Texts of target tokens, or null where the model has none.</summary>
    public TokenTable? TargetTable { get; }

    /// <summary>Most tokens of a result, the end token not counted; what is longer is cut here, and ranked as <see cref="OnToken"/> says.</summary>
    public int MaxTokens { get; }

    /// <summary>Longest source in tokens, begin and end tokens included.</summary>
    public int MaxSourceLength => _encoder.MaxLength;

    /// <summary>Number of different target tokens.</summary>
    public int VocabularySize => _step.Vocabulary;

    /// <summary>Bytes of all that the decoder holds: both sessions, scores, hypotheses, results and tables. It never grows.</summary>
    public long MemoryBytes => _memory.Used;

    /// <summary>Source of the last <see cref="Decode(ReadOnlySpan{int}, CancellationToken)"/>, with begin and end tokens where the model has them.</summary>
    public ReadOnlySpan<int> Source => _source.AsSpan(0, _encoder.Length);

    /// <summary>Number of results of the last call.</summary>
    public int Count => _results.Count;

    /// <summary>
    /// Told of each token; null for nobody. It must not use the decoder. Where it returns false, hypotheses still open compete with the complete ones by
    /// <see cref="Score"/>; <see cref="IsComplete"/> tells them apart.
    /// </summary>
    public TokenCallback? OnToken { get; set; }

    /// <summary>The only sequences that results may be; null for any.</summary>
    public TokenTrie? Allowed { get; set; }

    /// <summary>Tokens that every result begins with.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MaxTokens"/>, or one that there is not.</exception>
    /// <exception cref="InvalidOperationException">A search goes on: <see cref="OnToken"/>, or another thread, called this.</exception>
    public void SetPrefix(ReadOnlySpan<int> tokens)
    {
        Begin();
        try
        {
            _search.SetPrefix(tokens);
        }
        finally
        {
            End();
        }
    }

    /// <summary>Starts the random generator of sampling anew.</summary>
    /// <exception cref="InvalidOperationException">A search goes on: <see cref="OnToken"/>, or another thread, called this.</exception>
    public void Reseed(ulong seed)
    {
        Begin();
        _sampler?.Seed(seed);
        End();
    }

    /// <summary>Finds the best targets of a source. Allocates nothing.</summary>
    /// <param name="tokens">Source tokens without begin and end, which the model's metadata add.</param>
    /// <param name="cancellationToken">Looked at before each node of each step.</param>
    /// <returns>Number of results.</returns>
    /// <exception cref="ArgumentException">The source is empty and the model adds no begin or end token, it is too long, or a token is out of range.</exception>
    /// <exception cref="SeqDataException">A graph cannot use what it is given, such as a token outside of its table of embeddings.</exception>
    /// <exception cref="InvalidOperationException">A search goes on: <see cref="OnToken"/>, or another thread, called this.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; there are no results.</exception>
    public int Decode(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        Begin();
        try
        {
            foreach (var token in tokens)
            {
                if (token < 0 || token >= (SourceTable?.Count ?? int.MaxValue)) throw new ArgumentException($"The source has the token {token}; {(SourceTable is null ? "tokens are numbers from 0 up" : $"the model's go from 0 to {SourceTable.Count - 1}")}.");
            }

            var room = Room();
            if (tokens.Length > room.Length) throw new ArgumentException($"The source has {tokens.Length} tokens; there is room for {room.Length} (MaxSourceLength {MaxSourceLength}, begin and end included).");
            tokens.CopyTo(room);
            return Search(tokens.Length, cancellationToken);
        }
        finally
        {
            End();
        }
    }

    /// <inheritdoc cref="Decode(ReadOnlySpan{int}, CancellationToken)"/>
    public int Decode(ReadOnlySpan<int> tokens) => Decode(tokens, CancellationToken.None);

    /// <summary>Splits a text by the model's source table and finds its best targets. Allocates nothing.</summary>
    /// <param name="text">The source; what the table does not cover (<see cref="TokenTable.FindUnknownCharacters"/>) becomes <see cref="UnknownToken"/>.</param>
    /// <param name="cancellationToken">Looked at before each node of each step.</param>
    /// <returns>Number of results.</returns>
    /// <exception cref="ArgumentException">The source is empty and the model adds no begin or end token, it is too long, or has what the table does not cover where the model has no unknown token.</exception>
    /// <exception cref="SeqDataException">A graph cannot use what it is given, such as a token outside of its table of embeddings.</exception>
    /// <exception cref="InvalidOperationException">The model has no source table; or a search goes on: <see cref="OnToken"/>, or another thread, called this.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; there are no results.</exception>
    public int Decode(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        Begin();
        try
        {
            var table = SourceTable ?? throw new InvalidOperationException("The model has no source table; give token indices.");
            return Search(table.Split(text, Room(), _unknown), cancellationToken);
        }
        finally
        {
            End();
        }
    }

    /// <inheritdoc cref="Decode(ReadOnlySpan{char}, CancellationToken)"/>
    public int Decode(ReadOnlySpan<char> text) => Decode(text, CancellationToken.None);

    /// <summary>Tokens of a result without begin and end, valid until the next call.</summary>
    /// <param name="rank">0 for the best.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public ReadOnlySpan<int> Tokens(int rank) => Found.Tokens(rank);

    /// <summary>What results are ranked by: the log probability after length and coverage penalty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public float Score(int rank) => Found[rank].Score;

    /// <summary>Sum of the natural log probabilities of all tokens, the end token among them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public float LogProbability(int rank) => Found[rank].LogProbability;

    /// <summary>Whether the result came to its end token, not to <see cref="MaxTokens"/> or to where <see cref="OnToken"/> ended the search.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public bool IsComplete(int rank) => Found[rank].IsComplete;

    /// <summary>Steps of a result that have an alignment: its tokens, and the end token where it is complete.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public int AlignmentCount(int rank)
    {
        var rows = Found[rank].AlignmentRows;
        return _step.AlignmentStride == 0 ? 0 : rows;
    }

    /// <summary>Attention weights over <see cref="Source"/> with which a result took its token at a step; empty where the model gives none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result, or it has no such step (<see cref="AlignmentCount"/>).</exception>
    public ReadOnlySpan<float> Alignment(int rank, int step) => Found.Alignment(rank, step, Math.Min(_encoder.Length, _step.AlignmentStride));

    /// <summary>Text of a result, as a new string.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    /// <exception cref="InvalidOperationException">The model has no target table.</exception>
    public string Text(int rank) => NeedTarget().Decode(Tokens(rank));

    /// <summary>Writes the text of a result; allocates nothing.</summary>
    /// <returns>Characters written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    /// <exception cref="InvalidOperationException">The model has no target table.</exception>
    /// <exception cref="ArgumentException">There is no room.</exception>
    public int CopyText(int rank, Span<char> text) => NeedTarget().Decode(Tokens(rank), text);

    /// <summary>Frees the sessions.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _encoder.Dispose();
        _step?.Dispose();
    }

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _isSearching, 1) != 0) throw DecodingError.AtWork(nameof(OnToken));
    }

    private void End() => Volatile.Write(ref _isSearching, 0);

    private Results Found
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _results;
        }
    }

    private TokenTable NeedTarget() => TargetTable ?? throw new InvalidOperationException("The model has no target table; results are token indices.");

    /// <summary>Where the source's own tokens go: behind the begin token, and with room for the end token.</summary>
    private Span<int> Room()
    {
        var start = _sourceBegin is null ? 0 : 1;
        return _source.AsSpan(start, Math.Max(_source.Length - start - (_sourceEnd is null ? 0 : 1), 0));
    }

    private int Search(int count, CancellationToken cancellationToken)
    {
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
            _search.Run(Allowed, OnToken, alignmentLength, cancellationToken);
            _results.Finish(alignmentLength);
        }
        catch
        {
            _results.Clear();
            throw;
        }

        return _results.Count;
    }
}
