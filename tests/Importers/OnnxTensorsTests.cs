using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers;

/// <summary>Every way in which ONNX stores a constant, and external data inside and outside the model's folder.</summary>
public class OnnxTensorsTests
{
    [Fact]
    public void Fields_and_raw_bytes_of_every_type_give_the_same_elements()
    {
        Assert.Equal([1.5f, -2f], Read(1, t => t.FloatData.Add([1.5f, -2f])).ToFloats());
        Assert.Equal([1.5f, -2f], Read(1, t => t.RawData = Raw(BitConverter.GetBytes(1.5f), BitConverter.GetBytes(-2f))).ToFloats());
        Assert.Equal([1.5f, -2f], Read(11, t => t.DoubleData.Add([1.5, -2])).ToFloats());
        Assert.Equal([7L, -9L], Read(7, t => t.Int64Data.Add([7, -9])).Integers());
        Assert.Equal([7L, -9L], Read(6, t => t.Int32Data.Add([7, -9])).Integers());
        Assert.Equal([7L, -9L], Read(3, t => t.Int32Data.Add([7, -9])).Integers());
        Assert.Equal([7L, -9L], Read(5, t => t.RawData = Raw(BitConverter.GetBytes((short)7), BitConverter.GetBytes((short)-9))).Integers());
        Assert.Equal([7L, 200L], Read(2, t => t.Int32Data.Add([7, 200])).Integers());
        Assert.Equal([7L, 60000L], Read(4, t => t.Int32Data.Add([7, 60000])).Integers());
        Assert.Equal([7L, 4000000000L], Read(12, t => t.Uint64Data.Add([7, 4000000000])).Integers());
        Assert.Equal([1L, 0L], Read(9, t => t.Int32Data.Add([1, 0])).Integers());
        Assert.Equal([1L, 0L], Read(9, t => t.RawData = ByteString.CopyFrom(5, 0)).Integers());
    }

    [Fact]
    public void Two_elements_of_four_bits_share_a_byte()
    {
        Assert.Equal([7L, 9L], Read(21, t => t.RawData = ByteString.CopyFrom(0x97)).Integers());
        Assert.Equal([7L, -7L], Read(22, t => t.RawData = ByteString.CopyFrom(0x97)).Integers());
        Assert.Equal([7L, -7L], Read(22, t => t.Int32Data.Add(0x97)).Integers());
        Assert.Contains("2 bytes of data", Assert.Throws<ConversionException>(() => Read(22, t => t.RawData = ByteString.CopyFrom(1, 2))).Message);
    }

    [Fact]
    public void Halves_become_float32()
    {
        Assert.Equal([0.5f, -65504f], Read(10, t => t.Int32Data.Add([0x3800, 0xFBFF])).ToFloats());
        Assert.Equal([0.5f, -65504f], Read(10, t => t.RawData = ByteString.CopyFrom(0x00, 0x38, 0xFF, 0xFB)).ToFloats());
        Assert.Equal([1f, -3f], Read(16, t => t.Int32Data.Add([0x3F80, 0xC040])).ToFloats());
    }

    [Fact]
    public void A_network_in_float64_becomes_one_in_float32()
    {
        var random = new Random(4);
        double[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)];
        double[] w = Numbers(48), r = Numbers(48), d = Numbers(8);
        OnnxBuilder Model<T>(int type, Func<double[], T[]> narrow)
            where T : unmanaged => new OnnxBuilder().Input("x", type, 3, 1, 3).Constant("w", [1, 16, 3], narrow(w)).Constant("r", [1, 16, 4], narrow([.. r, .. d, .. d])).Constant("d", [4, 2], narrow(d)).Constant("half", [], narrow([0.5]))
            .Node("LSTM", "x w r", "h", ("hidden_size", 4)).Node("MatMul", "h d", "m").Node("Cast", "m", "c", ("to", type)).Node("Mul", "c half", "y").Output("y", type);
        float[] x = [.. Enumerable.Range(0, 9).Select(i => MathF.Sin(i))];
        var wide = Model(OnnxBuilder.Double, v => v);
        Assert.Equal(Model(OnnxBuilder.Float, v => Array.ConvertAll(v, e => (float)e)).Run(options: null, x), wide.Run(options: null, x));
        Assert.Contains("float64 in the file and were converted to float32", wide.Convert().Graphs[0].Notes[0]);
    }

    [Fact]
    public void A_count_that_does_not_fit_is_refused_with_the_tensors_name()
    {
        Assert.Contains("'t'", Assert.Throws<ConversionException>(() => Read(1, t => t.FloatData.Add(1f))).Message);
        Assert.Contains("'t'", Assert.Throws<ConversionException>(() => Read(1, t => t.RawData = ByteString.CopyFrom(1, 2, 3))).Message);
        Assert.Contains("element type string is not supported", Assert.Throws<ConversionException>(() => Read(8, t => t.StringData.Add(ByteString.Empty))).Message);
    }

    [Fact]
    public void External_data_is_read_from_the_models_folder_only()
    {
        using var file = new TemporaryModel([0]);
        var folder = Path.GetDirectoryName(file.Path)!;
        File.WriteAllBytes(Path.Combine(folder, "weights.bin"), [9, 9, 9, 9, .. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f)]);
        Assert.Equal([1.5f, -2f], External("weights.bin", "4", "8").ToFloats());
        foreach (var (location, offset, length) in new[] { ("../weights.bin", "0", "8"), ("/etc/passwd", "0", "8"), ("weights.bin", "8", "8"), ("weights.bin", "4", "7"), ("weights.bin", "-4", "8"), ("nothing.bin", "0", "8"), ("weights.bin", "9223372036854775807", "8") })
            Assert.Contains("'t'", Assert.Throws<ConversionException>(() => External(location, offset, length)).Message);

        Converter.Graph.IrTensor External(string location, string offset, string length) => Read(1, t =>
        {
            t.DataLocation = TensorProto.Types.DataLocation.External;
            foreach (var (key, value) in new[] { ("location", location), ("offset", offset), ("length", length) }) t.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
        }, file.Path);
    }

    [Fact]
    public void Files_of_external_data_count_as_source()
    {
        byte[] data = [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f)];
        var builder = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Constant("t", [2], 0f, 0f).Node("Add", "x t", "y").Output("y");
        var tensor = builder.Graph.Initializer[0];
        tensor.RawData = ByteString.Empty;
        tensor.FloatData.Clear();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
        using var file = new TemporaryModel(builder.Model.ToByteArray());
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(file.Path)!, "weights.bin"), data);
        var result = Conversion.Convert([("main", file.Path)], new ConversionOptions());
        Assert.Equal(new FileInfo(file.Path).Length + data.Length, result.SourceBytes);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(data)), result.Model.Metadata["source-sha256:weights.bin"]);
    }

    private static ByteString Raw(params byte[][] parts) => ByteString.CopyFrom(parts.SelectMany(p => p).ToArray());

    private static Converter.Graph.IrTensor Read(int type, Action<TensorProto> fill, string file = "model.onnx")
    {
        var proto = new TensorProto { Name = "t", DataType = type, Dims = { 2 } };
        fill(proto);
        return new OnnxTensors(file, new SourceFiles([])).Read(proto);
    }
}
