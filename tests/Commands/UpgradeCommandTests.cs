using SeqRuntime.Format;
using SeqRuntime.Tests.Upgrading;

namespace SeqRuntime.Tests.Commands;

public sealed class UpgradeCommandTests : IDisposable
{
    private const string Name = "upgrade/1.2-int8";
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void The_upgraded_file_is_written_beside_the_old_one()
    {
        var old = Copy();
        _cli.Good("upgrade", old, "-o", _cli["new.seq"]);
        Assert.Equal(["new.seq", "old.seq"], _cli.Files);
        Assert.Equal(OlderFiles.Upgraded(Name), File.ReadAllBytes(_cli["new.seq"]));
        Assert.Equal(OlderFiles.Read(Name), File.ReadAllBytes(old));
        Assert.StartsWith($"{_cli["new.seq"]}: 16.6 KiB, format 2.0; from {old}, 27.4 KiB, format 1.2, 27 weight matrices rearranged", _cli.Out, StringComparison.Ordinal);
        foreach (var graph in (string[])["lstm", "gru", "conv", "tokens"]) Assert.Contains($"graph {graph}: ", _cli.Out, StringComparison.Ordinal);
        _cli.Good("inspect", _cli["new.seq"]);
    }

    /// <summary>The second time, the file is current, and its time of writing stays.</summary>
    [Fact]
    public void Without_another_name_the_file_is_replaced_and_then_current()
    {
        var old = Copy();
        _cli.Good("upgrade", old, "--quiet");
        Assert.Equal("", _cli.Out);
        Assert.Equal(OlderFiles.Upgraded(Name), File.ReadAllBytes(old));
        var written = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(old, written);
        _cli.Good("upgrade", old);
        Assert.Equal($"{old}: format 2.0 is current; nothing was written", _cli.Out.TrimEnd());
        _cli.Good("upgrade", old, "-o", old);
        Assert.Equal($"{old}: format 2.0 is current; nothing was written", _cli.Out.TrimEnd());
        Assert.Equal(["old.seq"], _cli.Files);
        Assert.Equal(written, File.GetLastWriteTimeUtc(old));
    }

    /// <summary>A script that names OUT finds it there, also if FILE was current.</summary>
    [Fact]
    public void A_current_file_is_copied_to_the_name_of_the_option()
    {
        File.WriteAllBytes(_cli["current.seq"], OlderFiles.Upgraded(Name));
        _cli.Good("upgrade", _cli["current.seq"], "-o", _cli["new.seq"]);
        Assert.Equal($"{_cli["current.seq"]}: format 2.0 is current; copied to {_cli["new.seq"]}", _cli.Out.TrimEnd());
        Assert.Equal(OlderFiles.Upgraded(Name), File.ReadAllBytes(_cli["new.seq"]));
        Assert.Equal(["current.seq", "new.seq"], _cli.Files);
        var report = _cli.Json("upgrade", _cli["current.seq"], "-o", _cli["new.seq"], "--json");
        Assert.Equal((false, "2.0", _cli["new.seq"]), (report.GetProperty("isUpgraded").GetBoolean(), report.GetProperty("formatVersion").GetString(), report.GetProperty("file").GetString()));
        Assert.Equal(new FileInfo(_cli["new.seq"]).Length, report.GetProperty("fileBytes").GetInt64());
    }

    [Fact]
    public void Json_tells_what_was_read_and_written()
    {
        var old = Copy();
        var report = _cli.Json("upgrade", old, "-o", _cli["new.seq"], "--json");
        Assert.Equal(("1.2", "2.0"), (report.GetProperty("sourceVersion").GetString(), report.GetProperty("formatVersion").GetString()));
        Assert.Equal(new FileInfo(_cli["new.seq"]).Length, report.GetProperty("fileBytes").GetInt64());
        Assert.Equal((true, 27, 4), (report.GetProperty("isUpgraded").GetBoolean(), report.GetProperty("matrices").GetInt32(), report.GetProperty("graphs").GetArrayLength()));
        var current = _cli.Json("upgrade", _cli["new.seq"], "--json");
        Assert.Equal((false, "2.0"), (current.GetProperty("isUpgraded").GetBoolean(), current.GetProperty("sourceVersion").GetString()));
        Assert.False(current.TryGetProperty("file", out _));
    }

    [Fact]
    public void A_damaged_file_stays_and_nothing_is_written()
    {
        var old = Copy();
        var damaged = File.ReadAllBytes(old);
        damaged[^100] ^= 1;
        File.WriteAllBytes(old, damaged);
        _cli.Fails(1, ["upgrade", old], $"{old}: the checksum of section DATA", "does not match its content");
        _cli.Fails(1, ["upgrade", old, "-o", _cli["new.seq"]], "section DATA");
        Assert.Equal(["old.seq"], _cli.Files);
        Assert.Equal(damaged, File.ReadAllBytes(old));
    }

    [Theory]
    [InlineData(0, "there is no format version 0")]
    [InlineData(SeqLayout.Major + 1, "format version 3 is not supported; this program reads versions 1 and 2. Use a newer seqconvert.")]
    public void Another_version_is_refused(int major, string message)
    {
        var old = Copy();
        var file = File.ReadAllBytes(old);
        file[SeqLayout.MajorAt] = (byte)major;
        File.WriteAllBytes(old, file);
        _cli.Fails(1, ["upgrade", old], message);
        File.WriteAllText(old, string.Join(' ', Enumerable.Repeat("this is text, and no model", 10)));
        _cli.Fails(1, ["upgrade", old], "not a .seq file");
    }

    [Fact]
    public void Other_commands_name_the_upgrade()
    {
        var old = Copy();
        _cli.Fails(1, ["inspect", old], $"Run 'seqconvert upgrade {old}', or convert the model again.");
        _cli.Fails(1, ["run", old], $"Run 'seqconvert upgrade {old}'");
    }

    private string Copy()
    {
        File.Copy(OlderFiles.PathOf(Name), _cli["old.seq"]);
        return _cli["old.seq"];
    }
}
