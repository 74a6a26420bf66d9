using System.Diagnostics;
using System.Runtime.InteropServices;
using SeqRuntime.Converter.IO;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>The result of running a graph: outputs (stacked over the steps), microseconds of each step, bytes of the session.</summary>
internal sealed record GraphRun(IReadOnlyList<KeyValuePair<string, NpyArray>> Outputs, double[] Microseconds, long SessionBytes)
{
    /// <summary>Resets the state and runs all steps, <paramref name="repeat"/> times. The outputs are those of the last time.</summary>
    /// <exception cref="ConversionException">A run takes more operations than <paramref name="workLimit"/>.</exception>
    public static GraphRun Execute(SeqModel model, SeqGraphInfo graph, RunInputs inputs, int repeat, long workLimit, NodeClock? clock = null)
    {
        var options = new SeqSessionOptions { MemoryLimitBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, WorkLimit = long.MaxValue, Instrument = clock is null ? null : clock.Watch };
        foreach (var (symbol, size) in inputs.Sizes) options.MaxSizes[symbol] = Math.Max(size, 1);
        using var session = Session(model, graph, options, workLimit);
        var loaded = Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!;
        foreach (var (symbol, size) in inputs.Sizes)
        {
            if (loaded.MostSteps(Array.IndexOf(loaded.Symbols, symbol)) == 0) session.SetSize(symbol, size);
        }

        var indexes = inputs.Inputs.Select(i => session.Inputs[i.Name].Index).ToArray();
        var collectors = graph.Outputs.Select((o, i) => new Collector(o.Name, i)).ToArray();
        var times = new double[checked(inputs.Steps * repeat)];
        for (var round = 0; round < repeat; round++)
        {
            session.ResetState();
            foreach (var collector in collectors) collector.Clear();
            for (var step = 0; step < inputs.Steps; step++)
            {
                for (var i = 0; i < indexes.Length; i++) inputs.Inputs[i].Step(step).CopyTo(InputBytes(session, indexes[i], session.Inputs[indexes[i]].Type));
                var start = Stopwatch.GetTimestamp();
                Run(session);
                times[round * inputs.Steps + step] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                foreach (var collector in collectors) collector.Take(session);
            }
        }

        var stacked = inputs.Inputs.Any(i => i.Stepped);
        return new GraphRun([.. collectors.Select(c => c.Result(stacked ? inputs.Steps : null))], times, session.MemoryBytes);
    }

    private static void Run(SeqSession session)
    {
        try
        {
            session.Run();
        }
        catch (Exception fault) when (fault is SeqDataException or ArgumentException)
        {
            throw new ConversionException($"the model refuses these inputs: {fault.Message}", fault);
        }
    }

    private static SeqSession Session(SeqModel model, SeqGraphInfo graph, SeqSessionOptions options, long workLimit)
    {
        try
        {
            var work = model.GetRunWork(graph.Name, options.MaxSizes);
            if (work > workLimit) throw new ConversionException($"a run of graph '{graph.Name}' takes {SessionError.Operations(work)}, which is over the limit; use smaller sizes or shorter inputs, or set the environment variable {WorkLimit.Variable}={Math.Ceiling(work):F0}");
            return model.CreateSession(graph.Name, options);
        }
        catch (SeqSizeException fault)
        {
            throw new ConversionException($"{fault.Cause} The inputs and --size give {fault.SizesText}; use other sizes{(fault.FittingSizes is { } sizes ? $": {string.Join(", ", sizes.Select(s => $"{s.Key} = {s.Value}"))} fits" : "")}", fault);
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException($"no session can be made for these inputs: {fault.Message}", fault);
        }
    }

    private static Span<byte> InputBytes(SeqSession session, int index, ElementType type) => type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes(session.Input<float>(index)),
        ElementType.Float64 => MemoryMarshal.AsBytes(session.Input<double>(index)),
        ElementType.Int64 => MemoryMarshal.AsBytes(session.Input<long>(index)),
        ElementType.Int32 => MemoryMarshal.AsBytes(session.Input<int>(index)),
        ElementType.Int8 => MemoryMarshal.AsBytes(session.Input<sbyte>(index)),
        ElementType.Bool => MemoryMarshal.AsBytes(session.Input<bool>(index)),
        _ => session.Input<byte>(index),
    };

    private static ReadOnlySpan<byte> OutputBytes(SeqSession session, int index, ElementType type) => type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes(session.Output<float>(index)),
        ElementType.Float64 => MemoryMarshal.AsBytes(session.Output<double>(index)),
        ElementType.Int64 => MemoryMarshal.AsBytes(session.Output<long>(index)),
        ElementType.Int32 => MemoryMarshal.AsBytes(session.Output<int>(index)),
        ElementType.Int8 => MemoryMarshal.AsBytes(session.Output<sbyte>(index)),
        ElementType.Bool => MemoryMarshal.AsBytes(session.Output<bool>(index)),
        _ => session.Output<byte>(index),
    };

    /// <summary>Collects one output over the steps.</summary>
    private sealed class Collector(string name, int index)
    {
        private readonly List<byte> _data = [];
        private int[]? _shape;
        private ElementType _type;

        public void Clear()
        {
            _data.Clear();
            _shape = null;
        }

        public void Take(SeqSession session)
        {
            var shape = session.Outputs[index].Shape;
            _type = session.Outputs[index].Type;
            if (_shape is null) _shape = shape.ToArray();
            else if (!shape.SequenceEqual(_shape))
                throw new ConversionException($"output '{name}' has different shapes in different steps, from {Text.Shape(_shape)} to {Text.Shape(shape.ToArray())}; run the steps one by one");
            _data.AddRange(OutputBytes(session, index, _type));
        }

        public KeyValuePair<string, NpyArray> Result(int? steps) =>
            new(name, new NpyArray(StoredTypes.From(_type), steps is { } count ? [count, .. _shape!] : _shape!, _data.ToArray()));
    }
}
