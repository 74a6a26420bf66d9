using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Commands;

/// <summary>Compares many streams stepped together with as many single sessions on one core, and single sessions on two cores with one.</summary>
internal sealed class StreamsCommand
{
    private static readonly int[] s_counts = [1, 8, 64];

    private readonly Option<int> _pairs = new("--pairs") { Description = "Pairs of blocks of each measurement.", HelpName = "N", DefaultValueFactory = _ => 15 };

    public Command Build()
    {
        var command = new Command("streams", "Compares many streams stepped together with as many single sessions on one core, and single sessions on two cores with one.") { _pairs };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var pairs = Arguments.AtLeast(1, result, _pairs);
        output.WriteLine($"N streams stepped together beside N single sessions of the same model, one thread, {pairs} pairs of blocks each; ratio above 1: together is faster.");
        output.WriteLine();
        output.WriteLine("| model | weights | streams | single sessions, µs a stream | together, µs a stream | ratio | batched | managed bytes a step |");
        output.WriteLine("|---|---|---:|---:|---:|---:|---|---:|");
        foreach (var (name, make) in Works())
        {
            foreach (var storage in Storage.All)
            {
                var ours = make(storage);
                foreach (var count in s_counts) Together(output, name, storage, ours, count, pairs);
                ours.Session.Dispose();
                ours.Model.Dispose();
            }
        }

        output.WriteLine();
        output.WriteLine("Two sessions of one model on two threads compared with one session: the ratio of steps for each second; 2 is linear.");
        output.WriteLine();
        output.WriteLine("| model | weights | two threads / one |");
        output.WriteLine("|---|---|---:|");
        foreach (var (name, make) in Works())
        {
            foreach (var storage in Storage.All)
            {
                var ours = make(storage);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {storage.Name} | **{Scaling(ours.Session, pairs):F2}** |"));
                ours.Session.Dispose();
                ours.Model.Dispose();
            }
        }

        return ExitCode.Good;
    }

    private static IEnumerable<(string Name, Func<Storage, (SeqModel Model, SeqSession Session, long WeightBytes)> Ours)> Works()
    {
        foreach (var (op, hidden) in new[] { ("LSTM", 512), ("LSTM", 128), ("GRU", 256) })
            yield return ($"{op} {hidden}", storage => LayerContests.Session(new RecurrentLayer(op, hidden, hidden), storage));
        if (Places.Models() is not { } models) yield break;
        foreach (var frame in ModelContests.Frames(models)) yield return (frame.Name, frame.Ours);
    }

    private static void Together(TextWriter writer, string name, Storage storage, (SeqModel Model, SeqSession Session, long WeightBytes) ours, int count, int pairs)
    {
        var (model, first, _) = ours;
        SeqSession[] sessions = [.. Enumerable.Range(0, count).Select(_ => model.CreateSession(first.Graph.Name, Sizes(first)))];
        using var streams = model.CreateStreams(count, first.Graph.Name, Sizes(first));
        for (var i = 0; i < count; i++)
        {
            var slot = streams.Join();
            first.Input<float>(0).CopyTo(sessions[i].Input<float>(0));
            first.Input<float>(0).CopyTo(streams.Input<float>(slot, 0));
        }

        var times = Interleaved.Measure([streams.Run, () => Array.ForEach(sessions, s => s.Run())], pairs, 0.004);
        var bytes = Interleaved.Bytes(streams.Run);
        foreach (var session in sessions) session.Dispose();
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {storage.Name} | {count} | {times[1].Median / count:F2} | {times[0].Median / count:F2} | **{times[0].RatioOf(times[1]):F2}** | {(streams.IsBatched ? "yes" : "no")} | {bytes} |"));
    }

    private static SeqSessionOptions Sizes(SeqSession session)
    {
        var options = new SeqSessionOptions();
        var info = session.Graph;
        for (var i = 0; i < info.Inputs.Count; i++)
        {
            for (var d = 0; d < info.Inputs[i].Dimensions!.Count; d++)
            {
                if (info.Inputs[i].Dimensions![d].Symbol is { } symbol) options.MaxSizes[symbol] = session.Inputs[i].Shape[d];
            }
        }

        return options;
    }

    /// <summary>Alternates rounds of one session and of two at once. Returns the median of the ratios.</summary>
    private static double Scaling(SeqSession one, int rounds)
    {
        const double seconds = 0.03;
        using var two = one.Model.CreateSession(one.Graph.Name, Sizes(one));
        one.Input<float>(0).CopyTo(two.Input<float>(0));
        var rate = 0.0;
        using var start = new Barrier(2);
        using var end = new Barrier(2);
        var over = false;
        var other = new Thread(() =>
        {
            while (true)
            {
                start.SignalAndWait();
                if (over) return;
                rate = Rate(two, seconds);
                end.SignalAndWait();
            }
        });
        other.Start();
        Rate(one, 0.2);
        Rate(two, 0.2);
        var ratios = new double[rounds];
        for (var i = 0; i < rounds; i++)
        {
            var alone = Rate(one, seconds);
            start.SignalAndWait();
            var both = Rate(one, seconds);
            end.SignalAndWait();
            ratios[i] = (both + rate) / alone;
        }

        over = true;
        start.SignalAndWait();
        other.Join();
        Array.Sort(ratios);
        return ratios[rounds / 2];
    }

    private static double Rate(SeqSession session, double seconds)
    {
        var start = Stopwatch.GetTimestamp();
        var runs = 0;
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            for (var i = 0; i < 8; i++) session.Run();
            runs += 8;
        }

        return runs / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
