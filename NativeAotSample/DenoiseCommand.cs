using System.Diagnostics;
using NativeAotSample.Audio;
using SeqRuntime;

namespace NativeAotSample;

/// <summary>Suppresses noise in a WAV file, channel by channel.</summary>
/// <remarks>
/// By default the output equals that of the authors' <c>real_time_processing_onnx.py</c>: as long as the input, delayed by 384 samples
/// (24 ms), with (n - 384) / 128 frames processed and silence after them. With <c>--align</c> it equals that of their
/// <c>run_evaluation.py</c>: the input is padded with 384 zeros on each side, and the output is cut to the input's position.
/// </remarks>
internal static class DenoiseCommand
{
    public static void Run(Arguments arguments, StartClock clock)
    {
        var path = arguments.RequiredModel;
        var files = arguments.Files("the noisy .wav", "the .wav to write");
        WaveWriter.Check(files[1]);
        var loading = Stopwatch.GetTimestamp();
        using var model = SeqModel.Load(path, new SeqModelOptions { KernelSet = arguments.Kernels });
        var loaded = Stopwatch.GetElapsedTime(loading).TotalMilliseconds;
        using var dtln = new Dtln(model);
        var wave = WaveReader.Read(files[0]);
        foreach (var warning in wave.Warnings) Console.Error.WriteLine(warning);

        var report = new Report(arguments.Json);
        var rate = wave.Format.Rate;
        var there = rate == Dtln.Rate ? null : new Resampler(rate, Dtln.Rate);
        var back = rate == Dtln.Rate ? null : new Resampler(Dtln.Rate, rate);
        var length = there is null ? wave.Frames : checked((int)there.OutputLength(wave.Frames));
        var frames = FrameCount(dtln, length, arguments.Align);
        if (frames == 0) throw new WaveException($"{files[0]} is too short: {length} samples at {Dtln.Rate} Hz; give at least one block of {dtln.BlockSize} (or use --align).");

        var statistics = new FrameStatistics(checked(frames * wave.Channels.Length));
        for (var c = 0; c < wave.Channels.Length; c++)
        {
            var noisy = there?.Process(wave.Channels[c], length) ?? wave.Channels[c];
            var clean = Denoise(dtln, noisy, frames, arguments.Align, statistics, () => First(report, clock));
            wave.Channels[c] = back?.Process(clean, wave.Frames) ?? clean;
        }

        var clipped = WaveWriter.Write(files[1], wave);
        report.Line("audio", Report.Invariant($"{files[0]}: {wave.Seconds:F2} s, {wave.Format}"));
        if (there is not null) report.Line("resampled", $"{rate} Hz to {Dtln.Rate} Hz and back{(rate > Dtln.Rate ? ": the output contains nothing above 8 kHz" : "")}");
        report.Add("seconds", wave.Seconds);
        report.Add("rate", rate);
        report.Add("channels", wave.Channels.Length);
        report.AddRun(model, path, loaded, dtln.MemoryBytes, statistics, (double)dtln.HopSize / Dtln.Rate, clock);
        report.Line("wrote", $"{files[1]}{(arguments.Align ? "" : $" ({dtln.Delay * 1000 / Dtln.Rate} ms late, as in real time; --align undoes it)")}{(clipped > 0 ? $"; {clipped} samples clipped" : "")}");
        report.Add("clippedSamples", clipped);
        report.Print();
    }

    /// <summary>The number of frames that the authors' programs process for <paramref name="length"/> samples.</summary>
    public static int FrameCount(Dtln dtln, int length, bool align) =>
        align ? checked(length + dtln.Delay + dtln.HopSize - 1) / dtln.HopSize : Math.Max(0, (length - dtln.Delay) / dtln.HopSize);

    /// <summary>Denoises one channel. The result is as long as the input.</summary>
    public static float[] Denoise(Dtln dtln, float[] noisy, int frames, bool align, FrameStatistics statistics, Action first)
    {
        var hop = dtln.HopSize;
        var padded = new float[frames * hop];
        noisy.AsSpan(0, Math.Min(noisy.Length, padded.Length)).CopyTo(padded);
        var late = new float[frames * hop];
        dtln.Reset();
        for (var frame = 0; frame < frames; frame++)
        {
            statistics.Begin();
            statistics.BeginFrame();
            dtln.Process(padded.AsSpan(frame * hop, hop), late.AsSpan(frame * hop, hop));
            statistics.EndFrame();
            statistics.End();
            if (frame == 0) first();
        }

        var clean = new float[noisy.Length];
        var skip = align ? dtln.Delay : 0;
        var count = Math.Min(clean.Length, late.Length - skip);
        late.AsSpan(skip, count).CopyTo(clean);
        return clean;
    }

    private static void First(Report report, StartClock clock)
    {
        if (clock.FirstOutputMilliseconds != 0) return;
        clock.MarkFirstOutput();
        report.Line("denoising", "first frame is out");
    }
}
