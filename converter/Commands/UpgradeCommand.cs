using System.CommandLine;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Upgrading;

namespace SeqRuntime.Converter.Commands;

/// <summary><c>seqconvert upgrade</c>: brings a file of an older format into the format of today. The file is written completely or not at all.</summary>
internal sealed class UpgradeCommand
{
    private readonly Argument<string> _file = new("FILE.seq") { Description = "A model of an older format." };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The file to write. Without it, FILE.seq is replaced.", HelpName = "OUT.seq" };
    private readonly Option<bool> _json = new("--json") { Description = "Print the report as one JSON document on standard output." };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Print only errors." };

    public Command Build(TeachingHelp help)
    {
        var command = new Command("upgrade", "Brings a .seq file of format 1.0 to 1.3 into the format of this version, without the model that it was converted from. Outputs keep every bit. A file of today's format stays as it is, and is copied if -o names a file.") { _file };
        foreach (var option in new Option[] { _out, _json, _quiet }) command.Options.Add(option);
        command.SetAction(Run);
        help.Examples(
            command,
            ("Write the upgraded file beside the old one", ["seqconvert upgrade old.seq -o new.seq"]),
            ("Replace the file", ["seqconvert upgrade model.seq"]),
            ("A report for a program; no report", ["seqconvert upgrade old.seq -o new.seq --json", "seqconvert upgrade old.seq -o new.seq --quiet"]));
        return command;
    }

    private int Run(ParseResult result)
    {
        var path = result.GetRequiredValue(_file);
        var target = result.GetValue(_out) ?? path;
        if (target != path && !Path.GetExtension(target).Equals(".seq", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"-o {target}: the file must be named OUT.seq");
        var bytes = ModelFile.ReadAll(path);
        var isNeeded = Upgrade.IsNeeded(path, bytes);
        if (isNeeded || target != path) AtomicFile.Check(target);
        var report = isNeeded ? Write(path, bytes, target) : target != path ? Copy(path, bytes, target) : UpgradeReport.Current(path, bytes, copy: null);
        if (result.GetValue(_quiet)) return ExitCode.Good;
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(_json)) JsonReports.Write(output, report, JsonReports.Default.UpgradeReport);
        else report.Print(output);
        return ExitCode.Good;
    }

    private static UpgradeReport Copy(string path, byte[] bytes, string target)
    {
        AtomicFile.Write(target, stream => stream.Write(bytes));
        return UpgradeReport.Current(path, bytes, target);
    }

    private static UpgradeReport Write(string path, byte[] bytes, string target)
    {
        var upgraded = Upgrade.Run(path, bytes);
        using var model = ModelFile.Ask(path, () => Upgrade.Check(path, upgraded.File));
        var report = UpgradeReport.Of(path, bytes, target, upgraded, model);
        AtomicFile.Write(target, stream => stream.Write(upgraded.File));
        return report;
    }
}
