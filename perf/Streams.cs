using System.Diagnostics;
using System.Globalization;
using SeqRuntime.Converter;

namespace SeqRuntime.Perf;

/// <summary>Many streams stepped together beside as many single sessions on one core, and single sessions on two cores beside one.</summary>
internal static class Streams
{
    private static readonly int[] s_counts = [1, 8, 64];

    public static int Run(string[] arguments)
    {
        var pairs = 15;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] != "--pairs" || i + 1 == arguments.Length) return Wrong(arguments[i]);
            pairs = int.Parse(arguments[++i], CultureInfo.InvariantCulture);
        }

        Console.WriteLine($"N streams stepped together beside N single sessions of the same model, one thread, {pairs} pairs of blocks each; ratio above 1: together is faster.");
        Console.WriteLine();
        Console.WriteLine("| model | weights | streams | single sessions, µs a stream | together, µs a stream | ratio | batched | managed bytes a step |");
        Console.WriteLine("|---|---|---:|---:|---:|---:|---|---:|");
        foreach (var work in Works())
        {
            foreach (var weights in new[] { WeightKind.Float32, WeightKind.Int8 })
            {
                foreach (var count in s_counts) Together(work, weights, count, pairs);
            }
        }

        Console.WriteLine();
        Console.WriteLine("One session beside two sessions of one model on two threads: steps a second of both over those of the one; 2 is linear.");
        Console.WriteLine();
        Console.WriteLine("| model | weights | two threads / one |");
        Console.WriteLine("|---|---|---:|");
        foreach (var work in Works())
        {
            foreach (var weights in new[] { WeightKind.Float32, WeightKind.Int8 }) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {work.Name} | {weights} | **{Scaling(work, weights, pairs):F2}** |"));
        }

        return 0;
    }

    private static IEnumerable<Case> Works()
    {
        foreach (var (op, hidden) in new[] { ("LSTM", 512), ("LSTM", 128), ("GRU", 256) })
        {
            var layer = Cases.Layer(op, hidden);
            yield return layer with { Name = $"{op} {hidden}" };
        }

        foreach (var work in Cases.All().Where(c => c.Group == "Whole model, one frame")) yield return work;
    }

    private static void Together(Case work, WeightKind weights, int count, int pairs)
    {
        using var first = work.Ours(weights);
        SeqSession[] sessions = [.. Enumerable.Range(0, count).Select(_ => first.Model.CreateSession(first.Graph, Sizes(first)))];
        using var streams = first.Model.CreateStreams(count, first.Graph, Sizes(first));
        for (var i = 0; i < count; i++)
        {
            var slot = streams.Join();
            first.Input<float>(0).CopyTo(sessions[i].Input<float>(0));
            first.Input<float>(0).CopyTo(streams.Input<float>(slot, 0));
        }

        var paired = PairedTimer.Measure(streams.Step, () => Array.ForEach(sessions, s => s.Run()), pairs);
        foreach (var session in sessions) session.Dispose();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {work.Name} | {weights} | {count} | {paired.TheirsMicroseconds / count:F2} | {paired.OursMicroseconds / count:F2} | **{paired.Ratio:F2}** | {(streams.IsBatched ? "yes" : "no")} | {paired.OursBytes} |"));
    }

    private static SeqSessionOptions Sizes(SeqSession session)
    {
        var options = new SeqSessionOptions();
        var info = session.Model.Graphs.First(g => g.Name == session.Graph);
        for (var i = 0; i < info.Inputs.Count; i++)
        {
            for (var d = 0; d < info.Inputs[i].Dimensions.Count; d++)
            {
                if (info.Inputs[i].Dimensions[d].Symbol is { } symbol) options.MaxSizes[symbol] = session.InputShape(i)[d];
            }
        }

        return options;
    }

    /// <summary>Rounds of one session alone and of two at once, in turn; the median of the ratios.</summary>
    private static double Scaling(Case work, WeightKind weights, int rounds)
    {
        const double seconds = 0.03;
        using var one = work.Ours(weights);
        using var two = one.Model.CreateSession(one.Graph, Sizes(one));
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

    private static int Wrong(string argument)
    {
        Console.Error.WriteLine($"perf streams: '{argument}' is not understood; the option is --pairs N");
        return 2;
    }
}
