namespace SeqRuntime.Decoding;

/// <content>What a call does: sources to their places, the search, and each source's results.</content>
public sealed partial class SeqDecoder
{
    /// <summary>Begins a call, and refuses one whose request or number of sources it cannot take.</summary>
    private void Begin(DecodeRequest? request, int? batch = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_turn.TryTake()) throw DecodingError.AtWork(nameof(DecodeRequest.OnToken));
        try
        {
            if (batch > BatchSize) throw new ArgumentException($"The batch has {DecodingError.Count(batch.Value, "source")}; the decoder takes at most {BatchSize} ({nameof(SeqDecoderOptions)}.{nameof(SeqDecoderOptions.BatchSize)}).");
            if (batch is not null && request?.OnToken is not null) throw new ArgumentException($"A batch takes no {nameof(DecodeRequest.OnToken)}: it could not say whose token it reports. Decode the sources one by one.");
            _search.Take(request, batch ?? 1);
            _version++;
            _sources.Clear();
            _search.Clear();
        }
        catch
        {
            End();
            throw;
        }
    }

    private void End() => _turn.Leave();

    /// <summary>Whether a source of a batch was refused before the search began.</summary>
    private bool IsRefused(int count) => _sources.Count < count;

    private void Add(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if (token < 0 || token >= (SourceTable?.Count ?? int.MaxValue)) throw new ArgumentException($"The source has token {token}; tokens must be {(SourceTable is null ? "at least 0" : $"from 0 to {SourceTable.Count - 1}")}.");
        }

        var room = _sources.Room(_sources.Count);
        if (tokens.Length > room.Length) throw new ArgumentException($"The source has {DecodingError.Count(tokens.Length, "token")}; at most {room.Length} fit (MaxSourceLength is {MaxSourceLength}, including begin and end tokens).");
        tokens.CopyTo(room);
        _sources.Add(tokens.Length);
    }

    private void Add(ReadOnlySpan<char> text)
    {
        var table = SourceTable ?? throw new InvalidOperationException("The model has no source table; give token indices.");
        _sources.Add(table.Split(text, _sources.Room(_sources.Count), _unknown));
    }


    private ReadOnlySpan<DecodeResultCollection> Search(DecodeRequest? request, CancellationToken cancellationToken)
    {
        try
        {
            _search.Run(_sources, request, cancellationToken);
        }
        catch
        {
            _search.Clear();
            throw;
        }

        return _batch.AsSpan(0, _sources.Count);
    }

    /// <summary>The results of one source of the last call.</summary>
    private sealed class ResultsOfSource(SeqDecoder decoder, int source) : IResultSource
    {
        public int Version => decoder._version;

        public int ResultCount => decoder._search[source].Count;

        public TokenTable? TargetTable => decoder.TargetTable;

        private Results Found
        {
            get
            {
                ObjectDisposedException.ThrowIf(decoder._disposed, decoder);
                return decoder._search[source];
            }
        }

        public ReadOnlySpan<int> Tokens(int rank) => Found.Tokens(rank);

        public float Score(int rank) => Found[rank].Score;

        public float LogProbability(int rank) => Found[rank].LogProbability;

        public bool IsComplete(int rank) => Found[rank].IsComplete;

        public ReadOnlySpan<int> Frames(int rank) => [];

        public int AlignmentCount(int rank)
        {
            var rows = Found[rank].AlignmentRows;
            return decoder._step.AlignmentStride == 0 ? 0 : rows;
        }

        public ReadOnlySpan<float> Alignment(int rank, int step) => Found.Alignment(rank, step, Math.Min(decoder._sources[source].Length, decoder._step.AlignmentStride));
    }
}
