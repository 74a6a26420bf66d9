using System.Diagnostics;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>The reader returns what the writer wrote; and the time of reading.</summary>
public sealed class RoundTripTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string ModelPath => _folder["model.seq"];

    [Fact]
    public void Every_part_survives_a_round_trip()
    {
        var written = SmallSeq.Build();
        File.WriteAllBytes(ModelPath, SeqWriter.ToArray(written));
        using var model = SeqModel.Load(ModelPath);
        var read = model.Loaded;
        Assert.Equal(written.Metadata, read.Metadata);
        Assert.Equal(written.Tables.Keys, read.Tables.Keys);
        foreach (var (name, entries) in written.Tables) Assert.Equal(entries, read.Tables[name]);
        Assert.Equal(written.Tensors.Count, read.Tensors.Length);
        foreach (var (index, tensor) in written.Tensors.Index())
        {
            var back = read.Tensors[index];
            Assert.Equal((tensor.Name, tensor.Format, tensor.Type, tensor.Count), (back.Name, back.Format, back.Type, Math.Max(back.PackedCount, 1)));
            Assert.Equal(tensor.Shape, back.Shape.AsSpan().ToArray());
            Assert.Equal(tensor.Data.ToArray(), Bytes(back));
        }

        Assert.Equal(written.Graphs.Select(g => g.Name), read.Graphs.Select(g => g.Name));
        foreach (var (graph, back) in written.Graphs.Zip(read.Graphs))
        {
            Assert.Equal(graph.Symbols, back.Symbols);
            Assert.Equal(graph.Inputs, back.Inputs);
            Assert.Equal(graph.Outputs, back.Outputs);
            Assert.Equal(graph.States.Select(s => (s.Name, s.Value, s.Update, s.InitialTensor)), back.States.Select(s => (s.Name, s.Value, s.Update, s.Initial)));
            Assert.Equal(graph.Nodes.Select(n => n.Name), back.Nodes.Select(n => n.Name));
            foreach (var (node, same) in graph.Nodes.Zip(back.Nodes))
            {
                Assert.Equal(node.Inputs, same.Inputs);
                Assert.Equal(node.Outputs, same.Outputs);
            }
        }
    }

    [Fact]
    public void A_mebibyte_loads_well_under_a_millisecond()
    {
        const int rows = 1024, columns = 1024;
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var weights = graph.Constant(builder.AddPacked("W", TensorFormat.PackedInt8, rows, columns, Int8Format.Wide.Pack(new sbyte[rows * columns], new float[rows], rows, columns)));
        var x = graph.Input("x", ElementType.Float32, 1, columns);
        graph.Output("y", graph.Node(OpKind.Linear, [x, weights]));
        File.WriteAllBytes(ModelPath, SeqWriter.ToArray(builder));
        Assert.InRange(new FileInfo(ModelPath).Length, 1 << 20, 1_100_000);

        var verified = Median(new SeqModelOptions());
        var trusted = Median(new SeqModelOptions { VerifyChecksums = false });
        output.WriteLine($"loading {new FileInfo(ModelPath).Length} bytes: {verified:F0} µs with checksums, {trusted:F0} µs without (best median of 5 × 21)");
        Assert.True(verified < 1000, $"{verified} µs");
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The lowest of five medians, in microseconds, because the machine may be busy for a while.</summary>
    private double Median(SeqModelOptions options)
    {
        var best = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var times = new double[21];
            for (var i = 0; i < times.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                SeqModel.Load(ModelPath, options).Dispose();
                times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            }

            Array.Sort(times);
            best = Math.Min(best, times[times.Length / 2]);
        }

        return best;
    }

    private static unsafe byte[] Bytes(SeqRuntime.Operators.Tensor tensor) => new Span<byte>(tensor.Data, checked((int)tensor.Capacity)).ToArray();
}
