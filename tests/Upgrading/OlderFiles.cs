using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>The files of formats 1.0 to 1.3 that <c>tests/Golden</c> keeps, and what they gave under the last runtime that read them.</summary>
internal static class OlderFiles
{
    public static readonly string[] Names = ["format-1.1", "format-1.3", "upgrade/1.0-int8", "upgrade/1.1-mixed", "upgrade/1.2-fp32", "upgrade/1.2-fp16", "upgrade/1.2-int8", "upgrade/1.2-int4", "upgrade/1.2-words"];

    public static TheoryData<string> All => [.. Names];

    public static string PathOf(string name) => Repository.Find($"tests/Golden/{name}.seq");

    public static byte[] Read(string name) => File.ReadAllBytes(PathOf(name));

    public static byte[] Upgraded(string name) => Upgrade.Run(PathOf(name), Read(name)).File;

    /// <summary>A model without tensors as a file of 1.3, whose graphs have the form of today.</summary>
    public static byte[] Compact(SeqModelBuilder model)
    {
        Assert.Empty(model.Tensors);
        return Older(SeqWriter.ToArray(model));
    }

    /// <summary>Graphs of values that nodes compute, and nothing else, as a file of 1.0.</summary>
    public static byte[] Plain(SeqModelBuilder model)
    {
        using var graphs = new MemoryStream();
        using var writer = new BinaryWriter(graphs);
        writer.Write(model.Graphs.Count);
        foreach (var graph in model.Graphs)
        {
            Text(graph.Name);
            Numbers(0, graph.Values.Count);
            foreach (var value in graph.Values)
            {
                Text(value.Name);
                writer.Write((byte)ValueKind.Computed);
            }

            Numbers(0, 0, 0, graph.Nodes.Count);
            foreach (var node in graph.Nodes)
            {
                Text(node.Name);
                writer.Write((ushort)node.Kind);
                Numbers([0, node.Outputs.Length, .. node.Outputs, 0]);
            }
        }

        (string Name, byte[] Bytes)[] sections = [("TNSR", new byte[sizeof(int)]), ("GRPH", graphs.ToArray()), (SeqLayout.Data, new byte[SeqLayout.ReadSlack])];
        var at = (int)SeqLayout.Align(SeqLayout.HeaderBytes + sections.Length * SeqLayout.SectionEntryBytes);
        var file = new byte[at + sections.Sum(s => SeqLayout.Align(s.Bytes.Length))];
        BinaryPrimitives.WriteUInt64LittleEndian(file, SeqLayout.Magic);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(SeqLayout.SectionCountAt), sections.Length);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(SeqLayout.FileLengthAt), file.Length);
        foreach (var (i, (name, bytes)) in sections.Index())
        {
            var entry = file.AsSpan(SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, SeqLayout.SectionId(name));
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], at);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], bytes.Length);
            bytes.CopyTo(file, at);
            at += (int)SeqLayout.Align(bytes.Length);
        }

        return Older(file);

        void Numbers(params ReadOnlySpan<int> numbers)
        {
            foreach (var number in numbers) writer.Write(number);
        }

        void Text(string text)
        {
            writer.Write(text.Length);
            writer.Write(Encoding.ASCII.GetBytes(text));
        }
    }

    private static byte[] Older(byte[] file)
    {
        file[SeqLayout.MajorAt] = OlderReader.Major;
        SectionTable.Recompute(file);
        return file;
    }

    /// <summary>The outputs and last states under the last runtime of 1.x, as <see cref="Run"/> collects them.</summary>
    public static float[] Expected(string name) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Repository.Find($"tests/Golden/{name}.bits"))).ToArray();

    /// <summary>All outputs of three runs of each graph, the last with sizes of 1, and the states behind them.</summary>
    public static float[] Run(SeqModel model)
    {
        const int longest = 3, cacheSteps = 3;
        var bits = new List<float>();
        foreach (var graph in model.Graphs)
        {
            var options = new SeqSessionOptions();
            foreach (var symbol in graph.Symbols) options.MaxSizes[symbol] = symbol == "P" ? cacheSteps : longest;
            using var session = model.CreateSession(graph.Name, options);
            for (var run = 0; run < 3; run++)
            {
                // P counts the steps of a cache.
                foreach (var symbol in graph.Symbols.Where(symbol => run == 2 && symbol != "P")) session.SetSize(symbol, 1);
                for (var i = 0; i < session.Inputs.Count; i++) Fill(session, i, run);
                session.Run();
                for (var o = 0; o < session.Outputs.Count; o++) bits.AddRange(session.Output<float>(o));
            }

            for (var s = 0; s < session.States.Count; s++) bits.AddRange(session.State<float>(s));
        }

        return [.. bits];
    }

    private static void Fill(SeqSession session, int input, int run)
    {
        if (session.Inputs[input].Type == ElementType.Float32)
        {
            var values = session.Input<float>(input);
            for (var i = 0; i < values.Length; i++) values[i] = ((i * 37 + run * 11 + input * 5) % 23 - 11) / 8f;
        }
        else
        {
            var values = session.Input<long>(input);
            for (var i = 0; i < values.Length; i++) values[i] = (i + run) % 3;
        }
    }
}
