using System.Buffers.Binary;
using System.Diagnostics;
using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>Truncated and damaged files of older formats: they are upgraded, or the exception of damaged files is thrown.</summary>
public class HostileUpgradeTests(ITestOutputHelper output)
{
    private const int Mutations = 3_000;

    public static TheoryData<string> Files => OlderFiles.All;

    [Theory]
    [InlineData("format-1.1")]
    [InlineData("format-1.3")]
    [InlineData("upgrade/1.0-int8")]
    public void Every_truncation_is_refused(string name)
    {
        var file = OlderFiles.Read(name);
        var end = SeqReader.ReadSectionTable(name, file, verifyChecksums: true, OlderReader.Major, [SeqLayout.Data, SeqLayout.Caches, "TNSR", "GRPH", SeqLayout.Tensors, SeqLayout.Graphs]).Values.Max(s => s.Offset + s.Length);
        for (var length = 0; length < file.Length; length++)
        {
            Assert.IsType<SeqFormatException>(Try(file[..length]));

            // The same with a header that admits it. What follows the last section is padding.
            if (length < SeqLayout.HeaderBytes || length >= end) continue;
            var cut = file[..length];
            BinaryPrimitives.WriteInt64LittleEndian(cut.AsSpan(SeqLayout.FileLengthAt), length);
            SectionTable.Recompute(cut);
            Assert.IsType<SeqFormatException>(Try(cut));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Mutations_are_upgraded_or_refused(string name)
    {
        var file = OlderFiles.Read(name);
        var random = new Random(name.Length);
        int taken = 0, refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var mutant = SeqMutation.Of(file, random);
            SectionTable.Recompute(mutant);
            var fault = Try(mutant);
            if (fault is null) taken++;
            else if (fault is SeqFormatException) refused++;
            else Assert.Fail($"mutation {i}: {fault}");
        }

        output.WriteLine($"{taken} upgraded, {refused} refused");
        Assert.True(refused > Mutations / 10);
        Assert.True(taken > Mutations / 100);
    }

    [Fact]
    public void Damage_is_found_by_the_checksum_and_named()
    {
        var path = OlderFiles.PathOf("upgrade/1.0-int8");
        var file = OlderFiles.Read("upgrade/1.0-int8");
        file[^100] ^= 1;
        var fault = Assert.Throws<SeqFormatException>(() => Upgrade.Run(path, file));
        Assert.Equal((path, SeqLayout.Data), (fault.FileName, fault.Section));
        Assert.StartsWith($"{path}: the checksum of section DATA", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>A node's name is stored once. A small file must not make it grow with each output, also if the output is left out or has a name.</summary>
    [Theory]
    [InlineData(1, 20_000, false, "")]
    [InlineData(1, 20_000, false, "own")]
    [InlineData(1, 20_000, true, "")]
    [InlineData(20, 4, false, "own")]
    public void A_long_name_of_a_node_with_many_outputs_is_refused(int graphs, int outputs, bool areLeftOut, string valueName)
    {
        var name = new string('n', SeqLayout.MaxString);
        var file = new SeqModelBuilder();
        for (var g = 0; g < graphs; g++)
        {
            var graph = file.AddGraph($"graph{g}");
            for (var o = 0; o < outputs; o++) graph.AddValue(new ValueDefinition(valueName, 0, null, -1));
            graph.Nodes.Add(new NodeDefinition(name, OpKind.Split, [], [.. Enumerable.Range(0, outputs).Select(o => areLeftOut ? -1 : o)], new Attributes()));
        }

        AssertRefused(OlderFiles.Compact(file));
        AssertRefused(OlderFiles.Plain(file));

        static void AssertRefused(byte[] bytes)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var fault = Assert.IsType<SeqFormatException>(Try(bytes));
            Assert.Contains("the names of values are longer than 67108864 letters", fault.Message, StringComparison.Ordinal);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 29);
        }
    }

    /// <summary>The number of limits times the number of dimensions would take minutes.</summary>
    [Fact]
    public void Many_growing_states_take_time_in_proportion_to_the_file()
    {
        const int symbols = 300_000;
        var file = new SeqModelBuilder();
        var graph = file.AddGraph("main");
        for (var i = 0; i < symbols; i++)
        {
            graph.Symbols.Add($"s{i}");
            graph.Largest[$"s{i}"] = i + 1;
        }

        // Of two dimensions with one name, the first counts.
        graph.Symbols.Add("s0");
        var older = OlderFiles.Compact(file);
        var watch = Stopwatch.StartNew();
        var upgraded = Upgrade.Run("old.seq", older);
        using var model = Upgrade.Check("old.seq", upgraded.File);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        Assert.Equal([.. Enumerable.Range(1, symbols), 0], model.Loaded.Graphs[0].Largest);
    }

    /// <summary>What only the operators of the runtime find is found before anything is written.</summary>
    [Fact]
    public void An_attribute_that_is_not_valid_is_a_fault_of_the_file()
    {
        var before = OlderReader.Read("old.seq", OlderFiles.Read("format-1.1"));
        before.Graphs[0].Nodes[0].Attributes.Set(AttributeKey.Axis, "text");
        var message = Assert.Throws<SeqFormatException>(() => Upgrade.Check("old.seq", Upgrade.Rebuild(before).File)).Message;
        Assert.StartsWith("old.seq: graph 'main', node 'Gather_0' (Gather): ", message, StringComparison.Ordinal);
    }

    private static Exception? Try(byte[] file)
    {
        try
        {
            if (Upgrade.IsNeeded("damaged.seq", file)) Upgrade.Check("damaged.seq", Upgrade.Run("damaged.seq", file).File).Dispose();
            return null;
        }
        catch (Exception fault)
        {
            return fault;
        }
    }
}
