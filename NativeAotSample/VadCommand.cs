using System.Diagnostics;
using System.Globalization;
using System.Text;
using NativeAotSample.Audio;
using SeqRuntime;

namespace NativeAotSample;

/// <summary>Finds speech segments in a WAV file.</summary>
internal static class VadCommand
{
    public static void Run(Arguments arguments, StartClock clock)
    {
        var path = arguments.RequiredModel;
        var file = arguments.Files("a .wav")[0];
        var loading = Stopwatch.GetTimestamp();
        using var model = SeqModel.Load(path, new SeqModelOptions { KernelSet = arguments.Kernels });
        var loaded = Stopwatch.GetElapsedTime(loading).TotalMilliseconds;
        using var vad = new Vad(model);
        var wave = WaveReader.Read(file);
        foreach (var warning in wave.Warnings) Console.Error.WriteLine(warning);

        var report = new Report(arguments.Json);
        var sound = wave.MixToMono();
        if (wave.Format.Rate != vad.Rate)
        {
            var resampler = new Resampler(wave.Format.Rate, vad.Rate);
            sound = resampler.Process(sound, checked((int)resampler.OutputLength(sound.Length)));
        }

        var chunk = vad.ChunkSamples;
        var frames = (sound.Length + chunk - 1) / chunk;
        var last = new float[chunk];
        sound.AsSpan(sound.Length / chunk * chunk).CopyTo(last);
        var statistics = new FrameStatistics(frames);
        var segments = new SpeechSegments(vad.Rate, chunk, arguments.Threshold, frames);
        for (var frame = 0; frame < frames; frame++)
        {
            statistics.Begin();
            statistics.BeginFrame();
            var samples = (frame + 1) * (long)chunk <= sound.Length ? sound.AsSpan(frame * chunk, chunk) : last;
            segments.Add(vad.Process(samples));
            statistics.EndFrame();
            statistics.End();
            if (frame > 0) continue;
            clock.MarkFirstOutput();
            report.Line("listening", "first frame is out");
        }

        var found = segments.Complete(sound.Length);
        var list = new StringBuilder("[");
        foreach (var segment in found)
        {
            var start = (double)segment.Start / vad.Rate;
            var end = (double)segment.End / vad.Rate;
            report.Line("speech", Report.Invariant($"{start,8:F3} s to {end,8:F3} s"));
            if (list.Length > 1) list.Append(',');
            list.Append(CultureInfo.InvariantCulture, $"{{\"start\":{start:R},\"end\":{end:R}}}");
        }

        report.Raw("segments", list.Append(']').ToString());
        report.Line("audio", Report.Invariant($"{file}: {wave.Seconds:F2} s, {wave.Format}{(wave.Channels.Length > 1 ? ", mixed to one channel" : "")}{(wave.Format.Rate == vad.Rate ? "" : $", resampled to {vad.Rate} Hz")}; {found.Count} segments of speech"));
        report.Add("seconds", wave.Seconds);
        report.Add("rate", wave.Format.Rate);
        report.Add("channels", wave.Channels.Length);
        report.AddRun(model, path, loaded, vad.MemoryBytes, statistics, (double)chunk / vad.Rate, clock);
        report.Print();
    }
}
