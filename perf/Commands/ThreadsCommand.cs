using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Commands;

/// <summary>Compares sessions of two threads with sessions of one thread, on sequences through stacked and bidirectional layers.</summary>
internal sealed class ThreadsCommand
{
    private static readonly int[] s_lengths = [10, 100, 1000];

    private readonly Option<int> _pairs = new("--pairs") { Description = "Pairs of blocks of each measurement.", HelpName = "N", DefaultValueFactory = _ => 9 };

    public Command Build()
    {
        var command = new Command("threads", "Compares a session of two threads with a session of one thread, on sequences through stacked and bidirectional layers.") { _pairs };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var output = result.InvocationConfiguration.Output;
        var pairs = Arguments.AtLeast(1, result, _pairs);
        output.WriteLine($"One session with Threads = 2 compared with one with Threads = 1, {pairs} pairs of blocks each; ratio above 1: two threads are faster, 2 is linear.");
        output.WriteLine();
        output.WriteLine("| layers | weights | steps | one thread, µs a step | two threads, µs a step | ratio | managed bytes a run |");
        output.WriteLine("|---|---|---:|---:|---:|---:|---:|");
        foreach (var (name, layers, directions) in new[] { ("2 LSTM", 2, 1), ("3 LSTM", 3, 1), ("1 LSTM of two directions", 1, 2) })
        {
            foreach (var hidden in new[] { 64, 256 })
            {
                foreach (var format in new[] { TensorFormat.PackedFloat32, TensorFormat.PackedInt8 })
                {
                    foreach (var length in s_lengths) Measure(output, $"{name}, {hidden} units", Model(layers, directions, hidden, length, format), format, length, pairs);
                }
            }
        }

        return ExitCode.Good;
    }

    private static void Measure(TextWriter output, string name, byte[] file, TensorFormat format, int length, int pairs)
    {
        using var model = Ours.Load(file);
        using var one = model.CreateSession();
        using var two = model.CreateSession(null, new SeqSessionOptions { Threads = 2 });
        var x = one.Input<float>(0);
        for (var i = 0; i < x.Length; i++) x[i] = 0.3f * MathF.Sin(i * 0.7f);
        x.CopyTo(two.Input<float>(0));
        var times = Interleaved.Measure([two.Run, one.Run], pairs, 0.004);
        var bytes = Interleaved.Bytes(two.Run);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {(format == TensorFormat.PackedInt8 ? "int8" : "fp32")} | {length} | {times[1].Median / length:F2} | {times[0].Median / length:F2} | **{times[0].RatioOf(times[1]):F2}** | {bytes} |"));
    }

    private static byte[] Model(int layers, int directions, int hidden, int length, TensorFormat format)
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var random = new Random(7);
        var rows = 4 * hidden;
        var x = graph.Input("x", ElementType.Float32, length, 1, hidden);
        var axis = graph.Constant<long>("axis", [1], 1);
        for (var layer = 0; layer < layers; layer++)
        {
            var weights = Enumerable.Range(0, directions).SelectMany(d => new[] { Packed($"W{layer}.{d}"), Packed($"R{layer}.{d}"), -1, -1, -1 });
            var attributes = new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.Direction, directions == 2 ? RecurrentDirection.Bidirectional : RecurrentDirection.Forward);
            x = graph.NodeMany(OpKind.Lstm, [x, -1, -1, -1, .. weights], 1, attributes)[0];
            if (directions == 1) x = graph.Node(OpKind.Squeeze, [x, axis]);
        }

        graph.Output("y", x);
        return SeqWriter.ToArray(model);

        int Packed(string name)
        {
            var scale = 1 / MathF.Sqrt(hidden);
            float[] values = [.. Enumerable.Range(0, rows * hidden).Select(_ => (random.NextSingle() * 2 - 1) * scale)];
            var isInt8 = format == TensorFormat.PackedInt8;
            var packed = isInt8 ? Quantizer.ToInt8(values, rows, hidden).Pack() : Float32Format.Pack(values, rows, hidden);
            return graph.Constant(model.AddPacked(name, isInt8 ? Int8Format.For(hidden).Number : format, rows, hidden, packed));
        }
    }
}
