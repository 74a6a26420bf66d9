using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Decoding;

/// <summary>
/// Reads token sequences from frames of features, such as those of speech and handwriting, by CTC or with an RNN transducer,
/// as the model's metadata say; greedily or with a beam. It reads a whole recording at once, or in parts
/// if the encoder keeps its state between them. Made by <see cref="SeqModelExtensions.CreateFrameDecoder"/>; afterwards nothing
/// allocates. Belongs to one thread at a time.
/// </summary>
/// <example>
/// <code>
/// using var model = SeqModel.Load("speech.seq");
/// using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 8 });
/// Console.WriteLine(decoder.Decode(features)[0].Text);
/// </code>
/// </example>
public sealed class FrameDecoder : IDisposable, IResultSource
{
    private readonly FrameEncoder _encoder;
    private readonly FrameSearch _search;
    private readonly DecoderMemory _memory;
    private readonly int _output;
    private int _version;
    private Turn _turn;
    private bool _isStopped;
    private bool _isComplete;
    private bool _disposed;

    internal FrameDecoder(SeqModel model, FrameDecoderOptions options)
    {
        options.Check();
        _memory = new DecoderMemory(options.MemoryLimitBytes);
        var info = DecodingInfo.Of(model, DecodingKeys.Ctc, DecodingKeys.Transducer);
        Model = model;
        Results = new DecodeResultCollection(this);
        MaxTokens = options.MaxTokens ?? Math.Max(info.Number(DecodingKeys.Max) ?? 1024, 1);
        if (MaxTokens > 1 << 20) throw new ArgumentException($"{nameof(MaxTokens)} is {MaxTokens}; it must be at most {1 << 20}.");
        TargetTable = info.Table(DecodingKeys.TargetTable, _memory, options.Blank ?? info.Number(DecodingKeys.Blank) ?? 0);
        _encoder = new FrameEncoder(model, info, options, _memory);
        try
        {
            if (info.Kind == DecodingKeys.Ctc)
            {
                _search = new CtcSearch(model, info, _encoder, MaxTokens, options, _memory);
                _output = _encoder.RowsOutput(info.Text(DecodingKeys.Logits));
            }
            else
            {
                var search = new TransducerSearch(model, info, _encoder, MaxTokens, options, _memory);
                (_search, _output) = (search, search.FrameOutput);
            }

            if (TargetTable is { } table && table.Count < _search.Vocabulary) throw new ArgumentException($"The target table has {DecodingError.Count(table.Count, "token")}; it must have one for each of the model's {_search.Vocabulary} labels.");
            Forget();
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
    public TokenTable? TargetTable { get; }

    /// <summary>Most tokens of a result.</summary>
    public int MaxTokens { get; }

    /// <summary>Number of labels, including the blank.</summary>
    public int VocabularySize => _search.Vocabulary;

    /// <summary>Features of a frame, or of one run if the model fixes the number of frames.</summary>
    public int FrameSize => _encoder.FrameSize;

    /// <summary>Label index of the blank.</summary>
    internal int Blank => _search.Blank;

    /// <summary>Bytes of all that the decoder holds: sessions, scores, prefixes, results and tables. It never grows.</summary>
    public long MemoryBytes => _memory.Used;

    /// <summary>Rows of the encoder's output since <see cref="Reset"/>.</summary>
    public int FrameCount { get; private set; }

    /// <summary>The results of the last call, best first.</summary>
    public DecodeResultCollection Results { get; }

    /// <summary>Reads a whole recording: <see cref="Reset"/>, <see cref="Accept"/>, <see cref="Finish"/>.</summary>
    /// <param name="features">The frames in order, <see cref="FrameSize"/> numbers each.</param>
    /// <param name="onToken">Called for each token that the best prefix gains; null for no callback. It must not call the decoder. If it returns false, reading stops until <see cref="Reset"/>.</param>
    /// <param name="cancellationToken">Checked before each node of each run, and before each frame.</param>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="ArgumentException">The features are not a whole number of frames, or too many; or the shapes of a graph do not fit at this length. The decoder is then reset.</exception>
    /// <exception cref="SeqDataException">A graph cannot use an input, such as a token outside its embedding table.</exception>
    /// <exception cref="InvalidOperationException">Frames are being read: the callback or another thread made this call.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled. The decoder is reset and there are no results.</exception>
    public DecodeResultCollection Decode(ReadOnlySpan<float> features, TokenCallback? onToken = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            _encoder.Check(features);
            Forget();
            Read(features, onToken, cancellationToken);
            return Collect(isEnd: true);
        }
        finally
        {
            End();
        }
    }

    /// <summary>Forgets all frames and resets the encoder's states.</summary>
    /// <exception cref="InvalidOperationException">Frames are being read: the callback or another thread made this call.</exception>
    public void Reset()
    {
        Begin();
        try
        {
            Forget();
        }
        finally
        {
            End();
        }
    }

    /// <summary>Reads more frames; the results are those of all frames so far. Allocates nothing.</summary>
    /// <inheritdoc cref="Decode"/>
    public DecodeResultCollection Accept(ReadOnlySpan<float> features, TokenCallback? onToken = null, CancellationToken cancellationToken = default)
    {
        Begin();
        try
        {
            _encoder.Check(features);
            Read(features, onToken, cancellationToken);
            return Collect(isEnd: false);
        }
        finally
        {
            End();
        }
    }

    /// <summary>Ends the frames, so that a language model ranks the results as whole sentences.</summary>
    /// <returns><see cref="Results"/>.</returns>
    /// <exception cref="InvalidOperationException">Frames are being read: the callback or another thread made this call.</exception>
    public DecodeResultCollection Finish()
    {
        Begin();
        try
        {
            return Collect(isEnd: true);
        }
        finally
        {
            End();
        }
    }

    /// <summary>Frees the sessions.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _encoder.Dispose();
        _search?.Dispose();
    }

    int IResultSource.Version => _version;

    int IResultSource.ResultCount => _search.Count;

    ReadOnlySpan<int> IResultSource.Tokens(int rank) => Found.Tokens(rank);

    float IResultSource.Score(int rank) => (float)Found.Score(rank);

    float IResultSource.LogProbability(int rank) => (float)Found.LogProbability(rank);

    bool IResultSource.IsComplete(int rank) => _isComplete;

    ReadOnlySpan<int> IResultSource.Frames(int rank) => Found.Frames(rank);

    int IResultSource.AlignmentCount(int rank) => 0;

    ReadOnlySpan<float> IResultSource.Alignment(int rank, int step) => throw new ArgumentOutOfRangeException(nameof(step), step, $"Results of a frame decoder have no alignment; use {nameof(DecodeResult)}.{nameof(DecodeResult.Frames)}.");

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_turn.TryTake()) throw DecodingError.AtWork("onToken");
    }

    private void End() => _turn.Leave();

    private DecodeResultCollection Collect(bool isEnd)
    {
        _version++;
        _search.Collect(isEnd);
        _isComplete = isEnd && !_isStopped;
        return Results;
    }

    private void Forget()
    {
        _version++;
        FrameCount = 0;
        _isStopped = false;
        _encoder.Session.ResetState();
        _search.Begin();
    }

    /// <summary>Reads all frames, or resets the decoder: after a fault some would be half read.</summary>
    private void Read(ReadOnlySpan<float> features, TokenCallback? onToken, CancellationToken cancellationToken)
    {
        try
        {
            _search.OnToken = onToken;
            while (!features.IsEmpty && !_isStopped)
            {
                cancellationToken.ThrowIfCancellationRequested();
                features = features[_encoder.Run(features, cancellationToken)..];
                var rows = _encoder.RowCount(_output);
                for (var row = 0; row < rows && !_isStopped; row++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    _isStopped = !_search.Step(_encoder, row, FrameCount++);
                }
            }
        }
        catch
        {
            if (!_disposed) Forget();
            throw;
        }
        finally
        {
            _search.OnToken = null;
        }
    }

    private FrameSearch Found
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _search;
        }
    }
}
