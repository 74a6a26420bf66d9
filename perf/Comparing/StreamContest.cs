using SeqRuntime.Perf.Onnx;

namespace SeqRuntime.Perf.Comparing;

/// <summary>64 independent streams of an LSTM with 512 units: stepped together, compared with single sessions.</summary>
internal static class StreamContest
{
    private const int Streams = 64;
    private const int Units = 512;
    private const string Singles = "single sessions";

    public static Contest Make()
    {
        var contenders = new Dictionary<string, Func<Runner>>();
        var rows = new List<RowPlan>();
        foreach (var storage in Storage.All)
        {
            contenders[storage.Name] = () => StartStreams(storage);
            contenders[$"{storage.Name} {Singles}"] = () => StartSingles(storage);
            rows.Add(new RowPlan(storage.Name, $"{Streams} streams stepped together, LSTM {Units}, {storage.Name}", storage.Name, $"{storage.Name} {Singles}", $"{Streams} single sessions", storage.Name == "int8" ? Bars.Streams : null));
        }

        return new Contest($"streams/lstm-{Units}", $"{Streams} streams", contenders, rows) { Units = Streams };
    }

    private static Runner StartStreams(Storage storage)
    {
        var (model, first, bytes) = LayerContests.Session(new RecurrentLayer("LSTM", Units, Units), storage);
        var streams = model.CreateStreams(Streams);
        for (var i = 0; i < Streams; i++) first.Input<float>(0).CopyTo(streams.Input<float>(streams.Join(), 0));
        return new Runner(streams.Run, streams, first, model) { WeightBytes = bytes };
    }

    /// <summary>All sessions belong to one model and share its weights.</summary>
    private static Runner StartSingles(Storage storage)
    {
        var layer = new RecurrentLayer("LSTM", Units, Units);
        var (model, first, bytes) = LayerContests.Session(layer, storage);
        SeqSession[] sessions = [first, .. Enumerable.Range(1, Streams - 1).Select(_ => model.CreateSession())];
        var x = first.Input<float>(0).ToArray();
        foreach (var session in sessions) x.CopyTo(session.Input<float>(0));
        return new Runner(
            () =>
            {
                foreach (var session in sessions) session.Run();
            },
            [.. sessions, model])
        { WeightBytes = bytes };
    }
}
