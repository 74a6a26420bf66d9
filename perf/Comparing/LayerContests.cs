using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Single LSTM and GRU layers: one step, several streams, whole sequences, and the whole call around one step.</summary>
internal static class LayerContests
{
    private const string Ort = "ort";
    private const string Dynamic = "dq";
    private const string OrtName = "ONNX Runtime fp32";
    private const string DynamicName = "ONNX Runtime DynamicQuantizeLSTM";

    /// <summary>Runs before results are compared. The second one starts from states that are not zero.</summary>
    public const int ComparedRuns = 2;

    /// <param name="steps">Lengths of the sequences.</param>
    /// <param name="batches">Numbers of streams of the single steps.</param>
    /// <param name="ncnn">The peer of single steps of one stream. Null without it.</param>
    public static IEnumerable<Contest> All(int[] steps, int[] batches, NcnnLibrary? ncnn)
    {
        foreach (var op in (string[])["LSTM", "GRU"])
        {
            foreach (var batch in batches)
            {
                foreach (var units in Bars.Sizes) yield return Step(new RecurrentLayer(op, units, units, 1, batch), batch == 1 ? ncnn : null);
            }
        }

        yield return WholeCall(new RecurrentLayer("LSTM", 16, 16), Bars.Lstm16To16);
        yield return WholeCall(new RecurrentLayer("LSTM", 1, 40), Bars.OneTo40);
        yield return WholeCall(new RecurrentLayer("GRU", 1, 40), Bars.OneTo40);
        foreach (var op in (string[])["LSTM", "GRU"])
        {
            foreach (var count in steps)
            {
                foreach (var units in Bars.Sizes) yield return Sequence(new RecurrentLayer(op, units, units, count));
            }
        }
    }

    /// <summary>Our layer, stepped repeatedly without changing its input.</summary>
    public static Runner Start(RecurrentLayer layer, Storage storage)
    {
        var (model, session, bytes) = Session(layer, storage);
        return new Runner(session.Run, session, model)
        {
            WeightBytes = bytes,
            Output = () =>
            {
                session.ResetState();
                for (var run = 0; run < ComparedRuns; run++) session.Run();
                return session.Output<float>(0).ToArray();
            },
        };
    }

    /// <summary>ONNX Runtime's layer in fp32 or its own int8.</summary>
    public static Runner StartOrt(RecurrentLayer layer, bool dynamic)
    {
        var y = new float[layer.OutputShape.Aggregate((a, b) => a * b)];
        var stream = Stream(layer, dynamic, Input(layer), y);
        return new Runner(stream.Step, stream)
        {
            Output = () =>
            {
                stream.Reset();
                for (var run = 0; run < ComparedRuns; run++) stream.Step();
                return y;
            },
        };
    }

    /// <summary>ncnn's layer in fp32 or int8, stepped repeatedly without changing its input.</summary>
    public static Runner StartNcnn(NcnnLibrary ncnn, RecurrentLayer layer, Storage storage)
    {
        var stream = new NcnnStream(ncnn, layer, storage.IsInt8, Input(layer));
        return new Runner(stream.Step, stream)
        {
            Output = () =>
            {
                stream.Reset();
                for (var run = 0; run < ComparedRuns; run++) stream.Step();
                return stream.Output();
            },
        };
    }

    private static Contest Step(RecurrentLayer layer, NcnnLibrary? ncnn)
    {
        var (op, units, single) = (layer.Op, layer.Hidden, layer.Batch == 1);
        var work = single ? $"{op}, one step" : $"{op}, one step of {layer.Batch} streams";
        var rows = new List<RowPlan>();
        foreach (var storage in Storage.All)
        {
            Bar? bar = !single ? null : storage.Name switch
            {
                "fp32" => Bars.Float32Step.At(units),
                "int8" => (op == "LSTM" ? Bars.Int8LstmStep : Bars.Int8GruStep).At(units),
                _ => null,
            };
            rows.Add(new RowPlan($"{storage.Name}-ort", $"{work}, {storage.Name}", storage.Name, Ort, OrtName, bar) { Tolerance = storage.Tolerance });
            if (storage.IsInt8 && op == "LSTM") rows.Add(new RowPlan($"{storage.Name}-dq", $"{work}, {storage.Name}", storage.Name, Dynamic, DynamicName, single && storage.Name == "int8" ? Bars.Int8Dynamic.At(units) : null) { Tolerance = storage.Tolerance });
            if (ncnn is not null && IsNcnns(layer, storage)) rows.Add(new RowPlan($"{storage.Name}-ncnn", $"{work}, {storage.Name}", storage.Name, NcnnOf(storage), $"ncnn {storage.Name}", storage.IsInt8 ? (op == "LSTM" ? Bars.Int8LstmNcnn : Bars.Int8GruNcnn).At(units) : null) { Tolerance = storage.Tolerance });
            if (storage.Name == "int4") rows.Add(new RowPlan("int4-int8", $"{work}, int4", storage.Name, "int8", "ours int8", single ? Bars.Int4.At(units) : null));
            rows.Add(new RowPlan($"{storage.Name}-limit", $"{work}, {storage.Name}, share of the limit", storage.Name, RowPlan.Limit, RowPlan.Limit, single && storage.Name == "int8" && op == "LSTM" ? Bars.Int8Share.At(units) : null));
        }

        return new Contest($"{op.ToLowerInvariant()}/{(single ? "step" : $"batch{layer.Batch}")}/{units}", $"{units}", Contenders(layer, ncnn), rows)
        {
            Limit = (storage, bytes) => new Need(bytes, 1, layer.Macs, Storage.Find(storage)!.IsInt8),
        };
    }

    /// <summary>The input weights need to be read only once; the recurrent weights are read at every step.</summary>
    private static Contest Sequence(RecurrentLayer layer)
    {
        var (op, units) = (layer.Op, layer.Hidden);
        var work = $"{op}, {layer.Steps} steps in one call";
        var hundred = layer.Steps == 100;
        var rows = new List<RowPlan>();
        foreach (var storage in Storage.All)
        {
            rows.Add(new RowPlan($"{storage.Name}-ort", $"{work}, {storage.Name}", storage.Name, Ort, OrtName, hundred && storage.Name == "fp32" ? Bars.Float32Sequence.At(units) : null) { Tolerance = storage.Tolerance });
            if (storage.IsInt8 && op == "LSTM") rows.Add(new RowPlan($"{storage.Name}-dq", $"{work}, {storage.Name}", storage.Name, Dynamic, DynamicName, hundred && storage.Name == "int8" ? Bars.Int8Sequence.At(units) : null) { Tolerance = storage.Tolerance });
            rows.Add(new RowPlan($"{storage.Name}-limit", $"{work}, {storage.Name}, share of the limit", storage.Name, RowPlan.Limit, RowPlan.Limit));
        }

        return new Contest($"{op.ToLowerInvariant()}/{layer.Steps}steps/{units}", $"{units}", Contenders(layer), rows)
        {
            Units = layer.Steps,
            Limit = (storage, bytes) => new Need(bytes * layer.Hidden / (layer.Input + layer.Hidden), layer.Steps, layer.Macs, Storage.Find(storage)!.IsInt8),
        };
    }

    /// <summary>One step by the public API with everything that a caller does: writing the input and reading the output.</summary>
    private static Contest WholeCall(RecurrentLayer layer, Bar bar)
    {
        var x = Input(layer);
        var contenders = new Dictionary<string, Func<Runner>>();
        var rows = new List<RowPlan>();
        var size = $"{layer.Op} {layer.Input}→{layer.Hidden}";
        foreach (var storage in Storage.All)
        {
            contenders[storage.Name] = () =>
            {
                var (model, session, bytes) = Session(layer, storage);
                var y = new float[layer.Hidden];
                var input = session.Inputs["X"].Index;
                var output = session.Outputs["Y"].Index;
                return new Runner(
                    () =>
                    {
                        x.CopyTo(session.Input<float>(input));
                        session.Run();
                        session.Output<float>(output).CopyTo(y);
                    },
                    session,
                    model)
                { WeightBytes = bytes };
            };
            rows.Add(new RowPlan($"{storage.Name}-ort", $"Whole call, one sample in and out, {storage.Name}", storage.Name, Ort, OrtName, storage.Name is "fp32" or "int8" ? bar : null));
        }

        contenders[Ort] = () =>
        {
            var (from, to, y) = ((float[])x.Clone(), new float[layer.Hidden], new float[layer.Hidden]);
            var stream = Stream(layer, false, from, to);
            return new Runner(
                () =>
                {
                    x.CopyTo(from, 0);
                    stream.Step();
                    to.CopyTo(y, 0);
                },
                stream);
        };
        return new Contest($"call/{layer.Op.ToLowerInvariant()}-{layer.Input}-{layer.Hidden}", size, contenders, rows);
    }

    /// <summary>What is compared with ncnn: its int8, and its fp32 LSTM. Its fp32 GRU has no code of its own for x64.</summary>
    private static bool IsNcnns(RecurrentLayer layer, Storage storage) => storage.Name == "int8" || (storage.Name == "fp32" && layer.Op == "LSTM");

    private static string NcnnOf(Storage storage) => $"ncnn {storage.Name}";

    private static Dictionary<string, Func<Runner>> Contenders(RecurrentLayer layer, NcnnLibrary? ncnn = null)
    {
        var contenders = Storage.All.ToDictionary(storage => storage.Name, storage => (Func<Runner>)(() => Start(layer, storage)));
        contenders[Ort] = () => StartOrt(layer, false);
        contenders[Dynamic] = () => StartOrt(layer, true);
        if (ncnn is null) return contenders;
        foreach (var storage in Storage.All.Where(storage => IsNcnns(layer, storage))) contenders[NcnnOf(storage)] = () => StartNcnn(ncnn, layer, storage);
        return contenders;
    }

    /// <summary>A session of our layer with its input set.</summary>
    public static (SeqModel Model, SeqSession Session, long WeightBytes) Session(RecurrentLayer layer, Storage storage) =>
        Ours.Session(layer.Float32(), storage.Kind, [], [], States(layer), Input(layer));

    private static OrtStream Stream(RecurrentLayer layer, bool dynamic, float[] x, float[] y) =>
        new(dynamic ? layer.DynamicQuantized() : layer.Float32(), [("X", layer.InputShape, x)], States(layer), [("Y", layer.OutputShape, y)]);

    private static (string Input, string Output, long[] Shape)[] States(RecurrentLayer layer) => [.. layer.States.Select(s => (s, s + "_out", layer.StateShape))];

    private static float[] Input(RecurrentLayer layer) => Signals.Wave((int)layer.InputShape.Aggregate((a, b) => a * b));
}

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
