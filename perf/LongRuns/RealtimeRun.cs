using System.Diagnostics;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.LongRuns;

/// <summary>Runs audio frames at their true rate. Every program processes each frame in turn while another thread allocates garbage.</summary>
internal static class RealtimeRun
{
    private const int HopMilliseconds = 8;
    private const int TicksPerVadFrame = 4; // 32 ms

    /// <param name="models">Folder of the real models.</param>
    /// <param name="minutes">How long.</param>
    /// <param name="progress">Receives the completed share, from 0 to 1.</param>
    public static RealtimeReport Run(string models, double minutes, Action<double> progress)
    {
        var ticks = (int)(minutes * 60_000 / HopMilliseconds);
        var dtln = new List<FrameWorker>();
        var vad = new List<FrameWorker>();
        try
        {
            var sound = new AudioFrames();
            var (spectra, blocks, chunks) = (sound.Spectra(512, 128), sound.Blocks(512, 128), sound.Blocks(576, 512));
            var frames = ModelContests.Frames(models);
            foreach (var storage in Storage.All)
            {
                var (first, mask, _) = frames[0].Ours(storage);
                var (second, refine, _) = frames[1].Ours(storage);
                var (third, speech, _) = frames[2].Ours(storage);
                dtln.Add(new FrameWorker("DTLN", $"SeqRuntime {storage.Name}", HopMilliseconds, ticks, Steps((mask, spectra), (refine, blocks)), mask, refine, first, second));
                vad.Add(new FrameWorker("Silero VAD", $"SeqRuntime {storage.Name}", HopMilliseconds * TicksPerVadFrame, ticks / TicksPerVadFrame + 1, Steps((speech, chunks)), speech, third));
            }

            var ortMask = frames[0].Ort(out var maskInput, out _);
            var ortRefine = frames[1].Ort(out var refineInput, out _);
            var ortSpeech = frames[2].Ort(out var speechInput, out _);
            dtln.Add(new FrameWorker(
                "DTLN",
                "ONNX Runtime fp32",
                HopMilliseconds,
                ticks,
                index =>
                {
                    spectra[index % spectra.Length].CopyTo(maskInput, 0);
                    ortMask.Step();
                    blocks[index % blocks.Length].CopyTo(refineInput, 0);
                    ortRefine.Step();
                },
                ortMask,
                ortRefine));
            vad.Add(new FrameWorker(
                "Silero VAD",
                "ONNX Runtime fp32",
                HopMilliseconds * TicksPerVadFrame,
                ticks / TicksPerVadFrame + 1,
                index =>
                {
                    chunks[index % chunks.Length].CopyTo(speechInput, 0);
                    ortSpeech.Step();
                },
                ortSpeech));
            return Paced(dtln, vad, ticks, progress);
        }
        finally
        {
            foreach (var worker in dtln.Concat(vad)) worker.Dispose();
        }
    }

    /// <summary>For each session: sets its frame, runs it, and reads its output.</summary>
    public static Action<int> Steps(params (SeqSession Session, float[][] Frames)[] parts)
    {
        var outputs = Array.ConvertAll(parts, part => part.Session.Output<float>(0).ToArray());
        return index =>
        {
            for (var i = 0; i < parts.Length; i++)
            {
                var (session, frames) = parts[i];
                frames[index % frames.Length].CopyTo(session.Input<float>(0));
                session.Run();
                session.Output<float>(0).CopyTo(outputs[i]);
            }
        };
    }

    private static RealtimeReport Paced(List<FrameWorker> dtln, List<FrameWorker> vad, int ticks, Action<double> progress)
    {
        Interleaved.Warm([.. dtln.Concat(vad).Select(worker => (Action)(() => worker.Process(0)))]);
        foreach (var worker in dtln.Concat(vad)) worker.Restart();
        GC.Collect();
        int[] collections = [GC.CollectionCount(0), GC.CollectionCount(1), GC.CollectionCount(2)];
        var paused = GC.GetTotalPauseDuration();
        using var garbage = new GarbageMaker();
        var clock = Stopwatch.StartNew();
        for (var tick = 0; tick < ticks; tick++)
        {
            WaitUntil(clock, (long)tick * HopMilliseconds);
            // The order changes, because each program leaves the caches in another state for the next.
            for (var i = 0; i < dtln.Count; i++) dtln[(tick + i) % dtln.Count].Process(tick);
            if (tick % TicksPerVadFrame == 0)
            {
                for (var i = 0; i < vad.Count; i++) vad[(tick / TicksPerVadFrame + i) % vad.Count].Process(tick / TicksPerVadFrame);
            }

            if (tick % 125 == 0) progress((double)tick / ticks);
        }

        var seconds = clock.Elapsed.TotalSeconds;
        return new RealtimeReport(
            Machine.Here(),
            seconds / 60,
            GC.CollectionCount(0) - collections[0],
            GC.CollectionCount(1) - collections[1],
            GC.CollectionCount(2) - collections[2],
            (GC.GetTotalPauseDuration() - paused).TotalMilliseconds,
            garbage.Bytes / seconds / 1e6,
            [.. dtln.Concat(vad).Select(worker => worker.Times())]);
    }

    private static void WaitUntil(Stopwatch clock, long milliseconds)
    {
        while (milliseconds - clock.Elapsed.TotalMilliseconds is > 0 and var left)
        {
            if (left > 1.5) Thread.Sleep((int)(left - 1));
            else Thread.Yield();
        }
    }
}

/// <summary>A whole run: the collector's work and the times of every program.</summary>
internal sealed record RealtimeReport(Machine Machine, double Minutes, int Gen0, int Gen1, int Gen2, double PauseMilliseconds, double GarbageMegabytesPerSecond, IReadOnlyList<FrameTimes> Workers);

/// <summary>A program that processes a frame, and the time of each frame.</summary>
internal sealed class FrameWorker(string work, string name, double periodMilliseconds, int frames, Action<int> process, params IDisposable[] owned) : IDisposable
{
    private readonly double[] _microseconds = new double[frames];
    private int _count;
    private long _bytes;

    /// <summary>Processes frame <paramref name="index"/> of the sound and records its time and this thread's allocations.</summary>
    public void Process(int index)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        process(index);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        _bytes += GC.GetAllocatedBytesForCurrentThread() - bytes;
        if (_count < _microseconds.Length) _microseconds[_count++] = elapsed;
    }

    /// <summary>Clears the records.</summary>
    public void Restart() => (_count, _bytes) = (0, 0);

    public FrameTimes Times()
    {
        var times = _microseconds.AsSpan(0, _count);
        var longest = 0.0;
        foreach (var time in times) longest = Math.Max(longest, time);
        return new FrameTimes(
            work,
            name,
            periodMilliseconds,
            _count,
            Statistics.Percentile(times, 0.5),
            Statistics.Percentile(times, 0.99),
            Statistics.Percentile(times, 0.9999),
            longest,
            (double)_bytes / _count);
    }

    public void Dispose()
    {
        foreach (var item in owned) item.Dispose();
    }
}

/// <summary>Microseconds of processing one frame.</summary>
internal sealed record FrameTimes(string Work, string Name, double PeriodMilliseconds, int Frames, double P50, double P99, double P9999, double Maximum, double ManagedBytesPerFrame);
