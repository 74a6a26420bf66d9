using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime;
using SeqRuntime.Format;
using SeqRuntime.Perf.LongRuns;

namespace BitHash;

/// <summary>
/// Single steps of layers and of a model's graphs, with states kept. <c>perf/arm/count_steps.py</c> counts the instructions of each step: those
/// between two calls of <see cref="Mark"/>.
/// </summary>
internal static class StepCases
{
    /// <summary>Steps before those that are counted. They fill the states.</summary>
    private const int Warm = 3;

    /// <summary>Where the sound begins that models get: the voice is loud there.</summary>
    private const int Loud = AudioFrames.Rate / 8;

    private static readonly int[] s_units = [64, 128, 256, 512];

    private static readonly (string Name, Func<int, TensorFormat> Of)[] s_formats =
    [
        ("fp32", _ => TensorFormat.PackedFloat32),
        ("fp16", _ => TensorFormat.PackedFloat16),
        ("int8", columns => Int8Format.For(columns).Number),
        ("int4", _ => TensorFormat.PackedInt4),
        ("bf16", _ => TensorFormat.PackedBFloat16),
        ("int8g32", _ => TensorFormat.GroupedInt8),
    ];

    private static int s_marks;

    /// <summary>Runs the steps and prints a line for each case: kernel set, case, bytes of its packed weights, hash of the last outputs.</summary>
    /// <param name="steps">Counted steps of each case.</param>
    /// <param name="names">Model files, and beginnings of layers' names: <c>lstm</c>, <c>gru/int8</c>, <c>lstm/int4/256</c>.</param>
    /// <param name="sizes">Sizes of the models' symbolic dimensions. 1 where none is given.</param>
    /// <param name="kernels">The kernel set. Null for the best.</param>
    /// <returns>The exit code.</returns>
    public static int Run(int steps, IReadOnlyList<string> names, IReadOnlyDictionary<string, int> sizes, string? kernels)
    {
        foreach (var name in names)
        {
            if (File.Exists(name))
            {
                using var model = SeqModel.Load(name, new SeqModelOptions { KernelSet = kernels });
                foreach (var graph in model.Graphs) Run(model, graph.Name, $"{Path.GetFileNameWithoutExtension(name)}/{graph.Name}", steps, sizes, new Sound());
                continue;
            }

            var layers = Layers().Where(layer => $"{layer.Name}/".StartsWith($"{name}/", StringComparison.Ordinal)).ToList();
            if (layers.Count == 0)
            {
                Console.Error.WriteLine($"BitHash: {name} is no model file and no layer. Layers: {string.Join(' ', Layers().Select(layer => layer.Name))}");
                return 2;
            }

            foreach (var (layer, build) in layers)
            {
                using var model = SeqModel.Load(SeqWriter.ToArray(build()), new SeqModelOptions { KernelSet = kernels });
                Run(model, "main", layer, steps, sizes, new Noise());
            }
        }

        return 0;
    }

    private static IEnumerable<(string Name, Func<SeqModelBuilder> Build)> Layers() =>
        from kind in (OpKind[])[OpKind.Lstm, OpKind.Gru]
        from format in s_formats
        from units in s_units
        select ($"{kind.ToString().ToLowerInvariant()}/{format.Name}/{units}", (Func<SeqModelBuilder>)(() => Layer(kind, format.Of(units), units)));

    /// <summary>A layer with as many inputs as units, that runs one step and keeps its states.</summary>
    private static SeqModelBuilder Layer(OpKind kind, TensorFormat format, int units)
    {
        var gates = kind == OpKind.Lstm ? 4 : 3;
        var rows = GateRows.Count(gates, units);
        var layout = new WeightLayout(format, rows, units, GateRows.Panel(gates));
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var numbers = new Numbers((ulong)units);
        var h = graph.State("h", ElementType.Float32, [1, 1, units]);
        var c = kind == OpKind.Lstm ? graph.State("c", ElementType.Float32, [1, 1, units]) : -1;
        var inputs = new List<int> { graph.Input("x", ElementType.Float32, 1, 1, units), -1, h };
        if (kind == OpKind.Lstm) inputs.Add(c);
        inputs.Add(graph.Constant(model.AddPacked("w", layout, numbers.Gates(format, gates, units, units))));
        inputs.Add(graph.Constant(model.AddPacked("r", layout, numbers.Gates(format, gates, units, units))));
        var biases = kind == OpKind.Gru ? 2 : 1;
        inputs.Add(graph.Constant<float>("b", biases == 2 ? [2, rows] : [rows], numbers.Floats(biases * rows, 0.3f)));
        if (kind == OpKind.Lstm) inputs.AddRange([-1, -1]);
        var attributes = new Attributes().Set(AttributeKey.Hidden, units).Set(AttributeKey.Direction, RecurrentDirection.Forward);
        if (kind == OpKind.Gru) attributes = attributes.Set(AttributeKey.LinearBeforeReset, 1);
        var outputs = graph.NodeMany(kind, [.. inputs], kind == OpKind.Lstm ? 3 : 2, attributes);
        graph.Output("y", outputs[0]);
        graph.UpdateState(h, outputs[1]);
        if (kind == OpKind.Lstm) graph.UpdateState(c, outputs[2]);
        return model;
    }

    private static void Run(SeqModel model, string graph, string name, int steps, IReadOnlyDictionary<string, int> sizes, ISource source)
    {
        var loaded = model.Loaded.Graphs.First(found => found.Name == graph);
        var weights = loaded.Values.Select(value => value.Constant).OfType<SeqRuntime.Operators.Tensor>().Where(tensor => tensor.Format != TensorFormat.Dense).Distinct().Sum(tensor => tensor.Capacity);
        var options = new SeqSessionOptions();
        foreach (var symbol in loaded.Symbols) options.MaxSizes[symbol] = sizes.GetValueOrDefault(symbol, 1);
        using var session = model.CreateSession(graph, options);
        for (var step = 0; step < Warm + steps; step++)
        {
            foreach (var input in session.Inputs)
            {
                if (input.Type == ElementType.Float32) source.Fill(session.Input<float>(input.Index), step);
            }

            if (step < Warm)
            {
                session.Run();
                continue;
            }

            Mark();
            session.Run();
            Mark();
        }

        var hash = new BitHasher();
        foreach (var output in session.Outputs)
        {
            if (output.Type == ElementType.Float32) hash.Add(session.Output<float>(output.Index));
        }

        Console.WriteLine($"{model.KernelSet} {name} {weights} {hash.Value:x16}");
    }

    /// <summary>Does nothing. The counter finds this method by its name; it counts from an odd call to the next one.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Mark() => s_marks++;

    /// <summary>What a case's inputs hold in each step.</summary>
    private interface ISource
    {
        void Fill(Span<float> input, int step);
    }

    /// <summary>Numbers in [-1, 1), for layers.</summary>
    private sealed class Noise : ISource
    {
        private readonly Numbers _numbers = new(99);

        public void Fill(Span<float> input, int step)
        {
            foreach (ref var value in input) value = _numbers.Float();
        }
    }

    /// <summary>A voice over noise, for models. An input whose size is a power of two and one more gets its spectrum.</summary>
    private sealed class Sound : ISource
    {
        private readonly AudioFrames _frames = new(seconds: 0.5);

        public void Fill(Span<float> input, int step)
        {
            var isSpectrum = input.Length > 2 && BitOperations.IsPow2(input.Length - 1);
            var size = isSpectrum ? 2 * (input.Length - 1) : input.Length;
            var block = _frames.Block(Loud + step * size / 4, size);
            (isSpectrum ? AudioFrames.Spectrum(block) : block).CopyTo(input);
        }
    }
}
