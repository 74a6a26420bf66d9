using System.Runtime.CompilerServices;

namespace SeqRuntime.Decoding;

/// <summary>
/// Searches for the targets of several sources at once: the encoder runs sources of one length together, and each step runs the hypotheses
/// of all sources, or of those of one length where the step's sizes come from the source.
/// </summary>
internal sealed class BatchSearch
{
    private readonly Encoder _encoder;
    private readonly StepGraph _step;
    private readonly int _begin;
    private readonly BeamSearch[] _searches;
    private readonly int[] _active;
    private readonly int[] _firstRows;
    private readonly int[] _tokens;
    private readonly int[] _parents;
    private readonly int[] _sources;
    private readonly bool _isDrawn;

    /// <param name="encoder">Reads sources.</param>
    /// <param name="step">Scores next tokens.</param>
    /// <param name="begin">The token before the first.</param>
    /// <param name="make">Makes the search of a source.</param>
    /// <param name="options">Of the decoder.</param>
    /// <param name="memory">The decoder's memory.</param>
    public BatchSearch(Encoder encoder, StepGraph step, int begin, Func<BeamSearch> make, SeqDecoderOptions options, DecoderMemory memory)
    {
        (_encoder, _step, _begin) = (encoder, step, begin);
        const string Batch = "searches of a batch";
        _active = memory.Array<int>(Batch, options.BatchSize);
        _firstRows = memory.Array<int>(Batch, options.BatchSize);
        var rows = (long)options.BatchSize * options.BeamWidth;
        _tokens = memory.Array<int>(Batch, rows);
        _parents = memory.Array<int>(Batch, rows);
        _sources = memory.Array<int>(Batch, rows);
        // Drawn tokens depend on how many numbers were drawn before them, so one source is searched after the other.
        _isDrawn = options.Sampling is not null;
        _searches = new BeamSearch[options.BatchSize];
        for (var i = 0; i < _searches.Length; i++) _searches[i] = make();
    }

    /// <summary>The results of a source of the last run.</summary>
    public Results this[int source] => _searches[source].Results;

    /// <summary>Checks a request and applies it to the searches of a number of sources.</summary>
    public void Take(DecodeRequest? request, int count)
    {
        for (var i = 0; i < count; i++) _searches[i].Take(request);
    }

    /// <summary>Drops the results of all sources.</summary>
    public void Clear()
    {
        foreach (var search in _searches) search.Results.Clear();
    }

    /// <summary>Searches for the targets of all sources.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(Sources sources, DecodeRequest? request, CancellationToken cancellation)
    {
        for (var left = _isDrawn ? sources.InOrder : sources.ByLength; !left.IsEmpty;)
        {
            var count = Together(sources, left);
            RunTogether(sources, left[..count], request, cancellation);
            left = left[count..];
        }

        for (var source = 0; source < sources.Count; source++) _searches[source].Results.Finish(AlignmentLength(sources[source]));
    }

    private int AlignmentLength(ReadOnlySpan<int> source) => Math.Min(source.Length, _step.AlignmentStride);

    /// <summary>How many of the next sources are searched together.</summary>
    private int Together(Sources sources, ReadOnlySpan<int> left) => _isDrawn ? 1 : _step.HasSourceSizes ? sources.CountOfOneLength(left) : left.Length;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunTogether(Sources sources, ReadOnlySpan<int> group, DecodeRequest? request, CancellationToken cancellation)
    {
        for (var done = 0; done < group.Length;)
        {
            var next = group[done..];
            next = next[..sources.CountOfOneLength(next)];
            _encoder.Run(sources, next, cancellation);
            if (done == 0) _step.Begin();
            for (var place = 0; place < next.Length; place++) _step.Add(place);
            done += next.Length;
        }

        _step.RunSources(cancellation);
        for (var i = 0; i < group.Length; i++)
        {
            (_active[i], _firstRows[i]) = (i, i);
            _searches[group[i]].Start(request, AlignmentLength(sources[group[i]]));
        }

        for (int step = 0, active = group.Length; active > 0; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Gather(group, active, step);
            _step.Run(_tokens.AsSpan(0, rows), _parents.AsSpan(0, rows), _sources.AsSpan(0, rows), step, cancellation);
            active = GoOn(group, active);
        }
    }

    /// <summary>Places the live hypotheses of all active searches in adjacent rows; returns their number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Gather(ReadOnlySpan<int> group, int active, int step)
    {
        var rows = 0;
        for (var i = 0; i < active; i++)
        {
            var source = _active[i];
            var search = _searches[group[source]];
            var firstRow = _firstRows[source];
            _firstRows[source] = rows;
            for (var row = 0; row < search.Live; row++, rows++)
            {
                _tokens[rows] = step == 0 ? _begin : search.Tokens[row];
                _parents[rows] = firstRow + (step == 0 ? 0 : search.Parents[row]);
                _sources[rows] = source;
            }
        }

        return rows;
    }

    /// <summary>Takes the next tokens of all active searches; returns the number of those that go on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int GoOn(ReadOnlySpan<int> group, int active)
    {
        var stay = 0;
        for (var i = 0; i < active; i++)
        {
            var source = _active[i];
            var search = _searches[group[source]];
            _step.CopyAlignments(_firstRows[source], search.Live, search.Alignments);
            if (search.GoOn(_firstRows[source])) _active[stay++] = source;
        }

        return stay;
    }
}
