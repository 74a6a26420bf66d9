namespace NativeAotSample;

/// <summary>A segment of speech, in samples. The end is exclusive.</summary>
internal record struct SpeechSegment(long Start, long End);

/// <summary>
/// Finds speech segments from the probability of each frame, like Silero's <c>get_speech_timestamps</c> with its defaults. Speech starts at
/// a probability of 0.5 and ends when it stays below 0.35 for 100 ms. Segments of at most 250 ms are dropped. The others are padded by
/// 30 ms on each side, or by half the silence between two.
/// </summary>
internal sealed class SpeechSegments
{
    private readonly List<SpeechSegment> _segments;
    private readonly int _frame;
    private readonly float _enter;
    private readonly float _leave;
    private readonly long _leastSpeech;
    private readonly long _leastSilence;
    private readonly long _pad;
    private long _position;
    private long _start = -1;
    private long _silence = -1;

    /// <param name="rate">Samples per second.</param>
    /// <param name="frame">Samples of one frame.</param>
    /// <param name="threshold">The probability from which a frame is speech. Speech ends 0.15 lower.</param>
    /// <param name="frames">Expected number of frames. Up to this number, no memory is allocated later.</param>
    public SpeechSegments(int rate, int frame, float threshold, int frames)
    {
        _frame = frame;
        _enter = threshold;
        _leave = Math.Max(threshold - 0.15f, 0.01f);
        _leastSpeech = rate * 250L / 1000;
        _leastSilence = rate * 100L / 1000;
        _pad = rate * 30L / 1000;
        _segments = new List<SpeechSegment>(frames / 2 + 1);
    }

    /// <summary>Takes the next frame's probability.</summary>
    public void Add(float probability)
    {
        if (probability >= _enter)
        {
            _silence = -1;
            if (_start < 0) _start = _position;
        }
        else if (probability < _leave && _start >= 0)
        {
            if (_silence < 0) _silence = _position;
            if (_position - _silence >= _leastSilence)
            {
                if (_silence - _start > _leastSpeech) _segments.Add(new SpeechSegment(_start, _silence));
                _start = -1;
                _silence = -1;
            }
        }

        _position += _frame;
    }

    /// <summary>Ends a sound of <paramref name="length"/> samples and returns its padded segments.</summary>
    public IReadOnlyList<SpeechSegment> Complete(long length)
    {
        if (_start >= 0 && length - _start > _leastSpeech) _segments.Add(new SpeechSegment(_start, length));
        _start = -1;
        for (var i = 0; i < _segments.Count; i++)
        {
            var segment = _segments[i];
            if (i == 0) segment.Start = Math.Max(0, segment.Start - _pad);
            if (i == _segments.Count - 1)
            {
                segment.End = Math.Min(length, segment.End + _pad);
            }
            else
            {
                var next = _segments[i + 1];
                var silence = next.Start - segment.End;
                var pad = silence < 2 * _pad ? silence / 2 : _pad;
                segment.End = Math.Min(length, segment.End + pad);
                next.Start = Math.Max(0, next.Start - pad);
                _segments[i + 1] = next;
            }

            _segments[i] = segment;
        }

        return _segments;
    }
}
