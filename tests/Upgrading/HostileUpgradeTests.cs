using System.Buffers.Binary;
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
