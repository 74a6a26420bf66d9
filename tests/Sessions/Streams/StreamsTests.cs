using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Each of many streams gets the bits that its own session gives.</summary>
public class StreamsTests
{
    private static readonly TensorFormat[] s_formats = [.. WeightFormats.All.Select(format => format.Number)];

    public static TheoryData<string> Graphs => [.. StreamGraphs.All.Keys];

    [Theory]
    [MemberData(nameof(Graphs))]
    public void Every_kind_of_node_gives_the_bits_of_single_sessions(string name)
    {
        foreach (var format in s_formats)
        {
            var file = SeqWriter.ToArray(StreamGraphs.Build(name, format));
            foreach (var path in SeqKernelSets.Supported)
            {
                using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = path });
                StreamsBesideSessions.Run(model, graph: null, options: null, capacity: 6, steps: 25, seed: 3);
                StreamsBesideSessions.Run(model, graph: null, options: null, capacity: 37, steps: 4, seed: 4);
            }
        }
    }

    [Theory]
    [InlineData("lstm step")]
    [InlineData("gru in two directions")]
    public void Hundreds_of_steps_with_streams_that_come_and_go(string name)
    {
        foreach (var format in s_formats)
        {
            using var model = SeqModel.Load(SeqWriter.ToArray(StreamGraphs.Build(name, format)));
            StreamsBesideSessions.Run(model, graph: null, options: null, capacity: 20, steps: 400, seed: 5);
        }
    }

    [Theory]
    [InlineData("tokens", 1)]
    [InlineData("tokens", 3)]
    [InlineData("step", 0)]
    [InlineData("shapes", 2)]
    public void Symbols_first_states_and_indices_work_too(string graph, int length)
    {
        foreach (var path in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()), new SeqModelOptions { KernelSet = path });
            StreamsBesideSessions.Run(model, graph, Options(length), capacity: 7, steps: 60, seed: 6, indexBound: 9);
        }
    }

    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    public void Dtln_whose_batch_is_fixed_to_one_runs_as_one_batch(WeightKind weights)
    {
        var file = Convert(weights, [], ("mask", Models.Need("dtln/model_1.onnx")), ("refine", Models.Need("dtln/model_2.onnx")));
        foreach (var path in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = path });
            foreach (var graph in new[] { "mask", "refine" })
            {
                StreamsBesideSessions.Run(model, graph, options: null, capacity: 5, steps: path == "portable" ? 8 : 60, seed: 7, scale: 0.3f);
                using var streams = model.CreateStreams(5, graph);
                Assert.True(streams.IsBatched);
            }
        }
    }

    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    public void Silero_runs_as_one_batch(WeightKind weights)
    {
        var file = Convert(weights, new() { ["sr"] = "16000" }, ("main", Models.Need("silero-vad/silero_vad_16k_op15.onnx")));
        foreach (var path in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = path });
            var dimensions = model.Graphs[0].Inputs[0].Dimensions!;
            var options = new SeqSessionOptions { MaxSizes = dimensions.Where(d => d.Symbol is not null).ToDictionary(d => d.Symbol!, d => d == dimensions[^1] ? 576 : 1) };
            StreamsBesideSessions.Run(model, graph: null, options, capacity: 4, steps: path == "portable" ? 4 : 40, seed: 8, scale: 0.3f);
            using var streams = model.CreateStreams(4, graph: null, options);
            Assert.True(streams.IsBatched);
        }
    }

    [Fact]
    public void A_layer_that_cannot_be_batched_is_said_and_runs_stream_after_stream()
    {
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, 3, 1, 4);
        var lengths = graph.Input("lengths", ElementType.Int32, 1);
        var kit = new StreamGraphs.Kit(model, graph, TensorFormat.PackedInt8, new Random(9));
        graph.Output("y", graph.NodeMany(OpKind.Rnn, [x, lengths, -1, kit.Packed(rows: 16, columns: 4), kit.Packed(rows: 16, columns: 16)], 2, new Attributes().Set(AttributeKey.Hidden, 16))[0]);
        using var loaded = SeqModel.Load(SeqWriter.ToArray(model));
        using (var streams = loaded.CreateStreams(3)) Assert.False(streams.IsBatched);
        StreamsBesideSessions.Run(loaded, graph: null, options: null, capacity: 5, steps: 30, seed: 10, indexBound: 4);
    }

    private static byte[] Convert(WeightKind weights, Dictionary<string, string> sets, params (string, string)[] sources) =>
        SeqWriter.ToArray(Conversion.Convert(sources, new ConversionOptions { Weights = weights, Sets = sets }).Model);

    private static SeqSessionOptions Options(int length) => length == 0 ? new() : new() { MaxSizes = { [SmallSeq.Length] = length } };
}
