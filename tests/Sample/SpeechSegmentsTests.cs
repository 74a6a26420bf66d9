using NativeAotSample;

namespace SeqRuntime.Tests.Sample;

/// <summary>16 kHz, frames of 512 samples: 32 ms. Padding is 480 samples, least silence 1600, least speech 4000.</summary>
public class SpeechSegmentsTests
{
    private const int Frame = 512;
    private const int Pad = 480;

    [Fact]
    public void Speech_starts_at_one_half_and_ends_where_it_fell_under035_for100_milliseconds()
    {
        var found = Find((10, 0.1f), (20, 0.6f), (5, 0.4f), (10, 0.2f));
        Assert.Equal([new SpeechSegment(10 * Frame - Pad, 35 * Frame + Pad)], found);
    }

    [Fact]
    public void A_short_silence_does_not_split()
    {
        var found = Find((20, 0.9f), (3, 0.1f), (20, 0.9f), (10, 0f));
        Assert.Equal([new SpeechSegment(0, 43 * Frame + Pad)], found);
    }

    [Fact]
    public void A_long_silence_splits()
    {
        var found = Find((20, 0.9f), (6, 0.1f), (20, 0.9f), (10, 0f));
        Assert.Equal([new SpeechSegment(0, 20 * Frame + Pad), new SpeechSegment(26 * Frame - Pad, 46 * Frame + Pad)], found);
    }

    [Fact]
    public void Speech_of_at_most250_milliseconds_is_dropped() => Assert.Empty(Find((5, 0f), (7, 0.9f), (10, 0f)));

    [Fact]
    public void Speech_up_to_the_end_ends_there()
    {
        var found = Find((5, 0f), (20, 0.9f));
        Assert.Equal([new SpeechSegment(5 * Frame - Pad, 25 * Frame)], found);
    }

    [Fact]
    public void Adding_allocates_nothing() => Allocation.None(() =>
    {
        var segments = new SpeechSegments(16_000, Frame, 0.5f, 1000);
        return Allocation.Bytes(() =>
        {
            for (var i = 0; i < 1000; i++) segments.Add(i / 12 % 2);
        });
    });

    private static IReadOnlyList<SpeechSegment> Find(params (int Frames, float Probability)[] runs)
    {
        var frames = runs.Sum(run => run.Frames);
        var segments = new SpeechSegments(16_000, Frame, 0.5f, frames);
        foreach (var (count, probability) in runs)
        {
            for (var i = 0; i < count; i++) segments.Add(probability);
        }

        return segments.Complete((long)frames * Frame);
    }
}
