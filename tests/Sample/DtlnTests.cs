using NativeAotSample;

namespace SeqRuntime.Tests.Sample;

public class DtlnTests
{
    [Fact]
    public void With_a_mask_of_ones_the_real_time_form_is_the_input384_samples_late()
    {
        using var model = SeqModel.Load(SampleModels.PassThrough());
        using var dtln = new Dtln(model);
        var noisy = Noise(5000);
        var frames = DenoiseCommand.FrameCount(dtln, noisy.Length, align: false);
        Assert.Equal((5000 - 384) / 128, frames);
        var clean = DenoiseCommand.Denoise(dtln, noisy, frames, align: false, new FrameStatistics(frames), () => { });
        for (var i = 0; i < noisy.Length; i++)
        {
            var expected = i >= 384 && i < frames * 128 ? noisy[i - 384] : 0;
            Assert.Equal(expected, clean[i], 2e-6);
        }
    }

    [Fact]
    public void Aligned_nothing_is_late_and_nothing_is_lost()
    {
        using var model = SeqModel.Load(SampleModels.PassThrough());
        using var dtln = new Dtln(model);
        foreach (var length in (int[])[1, 127, 384, 1000])
        {
            var noisy = Noise(length);
            var frames = DenoiseCommand.FrameCount(dtln, length, align: true);
            var clean = DenoiseCommand.Denoise(dtln, noisy, frames, align: true, new FrameStatistics(frames), () => { });
            Assert.Equal(length, clean.Length);
            for (var i = 0; i < length; i++) Assert.Equal(noisy[i], clean[i], 2e-6);
        }
    }

    [Fact]
    public void A_frame_allocates_nothing()
    {
        using var model = SeqModel.Load(SampleModels.PassThrough());
        using var dtln = new Dtln(model);
        var noisy = Noise(12_800);
        Allocation.None(() =>
        {
            var statistics = new FrameStatistics(100);
            DenoiseCommand.Denoise(dtln, noisy, 100, align: false, statistics, () => { });
            return statistics.AllocatedBytes;
        });
    }

    [Fact]
    public void Reset_forgets_the_stream()
    {
        using var model = SeqModel.Load(SampleModels.PassThrough());
        using var dtln = new Dtln(model);
        var first = DenoiseCommand.Denoise(dtln, Noise(2000), 12, align: false, new FrameStatistics(12), () => { });
        var second = DenoiseCommand.Denoise(dtln, Noise(2000), 12, align: false, new FrameStatistics(12), () => { });
        Assert.Equal(first, second);
    }

    [Fact]
    public void A_model_of_another_kind_is_refused_with_what_is_missing()
    {
        using var model = SeqModel.Load(SampleModels.FirstSampleOfChunk(1, 576));
        var fault = Assert.Throws<ArgumentException>(() => new Dtln(model));
        Assert.Contains("'mask'", fault.Message, StringComparison.Ordinal);
        Assert.Contains("main", fault.Message, StringComparison.Ordinal);
    }

    private static float[] Noise(int count) => Numbers.Random(seed: 3, count);
}
