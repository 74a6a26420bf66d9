using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.RealModels;

/// <summary>
/// Sizes of real models compared with their weights in fp32 (equal initializers of an ONNX file counted once, or the datasets of an HDF5
/// file). An fp32 file may be 3% and 4 KiB larger. An int8 file takes 0.30 of the weights if they have more than 64 KiB.
/// </summary>
/// <remarks>
/// Two models have more in int8. In the attention model the weights alone take 0.25; biases, the 78 nodes and the scales of rows of 36
/// weights take the rest. In GTCRN half of the weights belong to matrices of fewer than 512, normalizations or transposed convolutions.
/// </remarks>
public sealed class SizesTests(ITestOutputHelper output)
{
    private const double Fp32 = 1.03;
    private const int Fp32More = 4 << 10;
    private const int LeastForInt8 = 64 << 10;
    private const double Int8 = 0.30;

    public static TheoryData<string, string[], double> Table => new()
    {
        { "DTLN", ["mask=dtln/model_1.onnx", "refine=dtln/model_2.onnx"], Int8 },
        { "Silero VAD, 16 kHz", ["main=silero-vad/silero_vad_16k_op15.onnx"], Int8 },
        { "GTCRN", ["main=gtcrn/gtcrn.onnx"], 0.51 },
        { "GTCRN, simplified", ["main=gtcrn/gtcrn_simple.onnx"], 0.51 },
        { "thai2rom", ["encoder=thai2rom/thai2rom_encoder.onnx", "step=thai2rom/thai2rom_decoder.onnx"], Int8 },
        { "aircraft", ["main=aircraft-rul/lstm_model.onnx"], Int8 },
        { "StressRNN", ["main=stressrnn/model.onnx"], Int8 },
        { "StressRNN, HDF5", ["main=stressrnn/weights_96.hdf5"], Int8 },
        { "quant-sentinel, LSTM", ["main=quant-sentinel/lstm.onnx"], Int8 },
        { "quant-sentinel, attention", ["main=quant-sentinel/attention.onnx"], 0.355 },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void A_file_is_no_larger_than_what_it_holds(string name, string[] files, double int8Share)
    {
        List<(string Graph, string Path)> sources = [.. files.Select(f => (f.Split('=')[0], Models.Need(f.Split('=')[1])))];
        var weights = sources.Sum(s => sizeof(float) * (s.Path.EndsWith(".onnx", StringComparison.Ordinal) ? Initializers(s.Path) : Datasets(s.Path)));
        var prepared = Prepare(sources);
        var (fp32, int8) = (Conversion.Store(prepared.Copy(), new ConversionOptions()), Conversion.Store(prepared, new ConversionOptions { Weights = WeightKind.Int8 }));
        var padding = fp32.Tensors.Sum(t => t.Padding);
        output.WriteLine($"{name}: weights {weights:N0} bytes; fp32 {fp32.File.Length:N0}, of it padding {padding:N0}: {fp32.File.Length / (double)weights:F3}; int8 {int8.File.Length:N0}: {int8.File.Length / (double)weights:F3}");
        Assert.InRange(fp32.File.Length, 1, Fp32 * weights + Fp32More);
        if (weights > LeastForInt8) Assert.InRange(int8.File.Length / (double)weights, 0.2, int8Share);
    }

    [Fact]
    public void Dtln_in_int8_has_little_more_than_a_quarter_of_its_files()
    {
        var (mask, refine) = (Models.Need("dtln/model_1.onnx"), Models.Need("dtln/model_2.onnx"));
        var int8 = Conversion.Store(Prepare([("mask", mask), ("refine", refine)]), new ConversionOptions { Weights = WeightKind.Int8 });
        var share = int8.File.Length / (double)(new FileInfo(mask).Length + new FileInfo(refine).Length);
        output.WriteLine($"DTLN in int8: {share:F3} of its files");
        Assert.InRange(share, 0.25, 0.285);
    }

    private static PreparedModel Prepare(List<(string, string)> sources) =>
        Conversion.Prepare(sources, new ConversionOptions { Sets = sources.Exists(s => s.Item2.Contains("silero", StringComparison.Ordinal)) ? new Dictionary<string, string> { ["sr"] = "16000" } : [] });

    private static long Initializers(string path)
    {
        var seen = new HashSet<ByteString>();
        return In(ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph);

        long In(GraphProto graph) =>
            graph.Initializer.Where(t => t.DataType == OnnxBuilder.Float && seen.Add(t.RawData.Length > 0 ? t.RawData : ByteString.CopyFrom([.. t.FloatData.SelectMany(BitConverter.GetBytes)]))).Sum(t => t.Dims.Aggregate(1L, (a, b) => a * b))
            + graph.Node.SelectMany(n => n.Attribute).Sum(a => (a.G is { } inner ? In(inner) : 0) + a.Graphs.Sum(In));
    }

    private static long Datasets(string path) =>
        HdfFile.Read(File.ReadAllBytes(path), path).Tensors.Values.Where(t => !t.Name.Contains("optimizer", StringComparison.Ordinal)).Sum(t => t.Shape.Aggregate(1L, (a, b) => a * b));
}
