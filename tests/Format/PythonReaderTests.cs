using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>A Python reader written from docs/file-format.md alone lists the same tensors and graphs of a file as the runtime.</summary>
public sealed class PythonReaderTests
{
    [Fact]
    public void It_lists_a_small_file_with_a_bit_of_everything() => AssertSame(SeqWriter.ToArray(SmallSeq.Build()));

    [Fact]
    public void It_lists_the_projects_own_model() => AssertSame(File.ReadAllBytes(Repository.Find("NativeAotSample/g2p.seq")));

    private static unsafe void AssertSame(byte[] file)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("model.seq", file);
        fixed (byte* start = file) Assert.Equal(List(SeqReader.Read(path, start, file.Length, verifyChecksums: true), DataOf(file, start)), Python(path));
    }

    private static string Python(string path)
    {
        try
        {
            return Printed.By(new ProcessStartInfo("python3", [Repository.Find("tests/Format/seq_list.py"), path]) { StandardOutputEncoding = Encoding.UTF8 }).Good().Out;
        }
        catch (Win32Exception)
        {
            Assert.Skip("python3 is not installed");
            throw;
        }
    }

    private static string List(StoredModel model, nint data)
    {
        var list = new StringBuilder();
        foreach (var tensor in model.Tensors)
        {
            var shape = string.Join(',', Enumerable.Range(0, tensor.Shape.Rank).Select(i => tensor.Shape[i]));
            Line($"tensor {tensor.Name} {WeightFormats.Find(tensor.Format)?.Name ?? "dense"} {tensor.Type.Name()} [{shape}] x{tensor.Count} {tensor.Bytes} at {At(tensor) - data}");
        }

        foreach (var graph in model.Graphs)
        {
            string Name(int value) => value < 0 ? "-" : graph.Values[value].Name;
            string Shape(int value) => $"{graph.Values[value].Type.Name()} [{string.Join(',', graph.Values[value].Sizes.Select(s => s < 0 ? graph.Symbols[-1 - s] : $"{s}"))}]";
            Line($"graph {graph.Name}");
            foreach (var input in graph.Inputs) Line($"  input {Name(input)} {Shape(input)}");
            foreach (var state in graph.States) Line($"  state {state.Name} {Shape(state.Value)} becomes {Name(state.Update)}");
            foreach (var node in graph.Nodes) Line($"  node {node.Name} {(int)node.Kind} ({string.Join(',', node.Inputs.Select(Name))}) {node.Outputs.Length} outputs, {node.Attributes.Count} attributes");
            foreach (var output in graph.Outputs) Line($"  output {Name(output)}");
        }

        return list.ToString();

        void Line(FormattableString line) => list.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static unsafe nint At(StoredTensor tensor) => (nint)tensor.Data;

    private static unsafe nint DataOf(byte[] file, byte* start)
    {
        var count = BitConverter.ToInt32(file, SeqLayout.SectionCountAt);
        for (var i = 0; i < count; i++)
        {
            var entry = SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes;
            if (Encoding.ASCII.GetString(file, entry, 4) == SeqLayout.Data) return (nint)(start + BitConverter.ToInt64(file, entry + 8));
        }

        throw new InvalidOperationException("no data");
    }
}
