using SeqRuntime.Converter.Upgrading;

namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>upgrade</c> prints: the file that was read, the file that was written, and its graphs.</summary>
internal sealed record UpgradeReport(string Source, long SourceBytes, string SourceVersion)
{
    /// <summary>False if the file was of today's format, so that it was copied at most.</summary>
    public bool IsUpgraded => Matrices is not null;

    /// <summary>The file that was written; null if there is none.</summary>
    public string? File { get; init; }

    public long? FileBytes { get; init; }

    public string? FormatVersion { get; init; }

    /// <summary>The number of weight matrices that were moved.</summary>
    public int? Matrices { get; init; }

    public IReadOnlyList<GraphReport>? Graphs { get; init; }

    /// <summary>The report of a file that needs no upgrade, and of its copy if one was written.</summary>
    public static UpgradeReport Current(string source, byte[] bytes, string? copy)
    {
        var version = Inspection.FormatVersion(bytes);
        return new(source, bytes.Length, version) { File = copy, FileBytes = copy is null ? null : bytes.Length, FormatVersion = copy is null ? null : version };
    }

    public static UpgradeReport Of(string source, byte[] bytes, string target, UpgradedFile upgraded, SeqModel model) => new(source, bytes.Length, upgraded.Version)
    {
        File = target,
        FileBytes = upgraded.File.Length,
        FormatVersion = Inspection.FormatVersion(upgraded.File),
        Matrices = upgraded.Moved,
        Graphs = [.. model.Graphs.Select((_, i) => Inspection.Graph(model, i, new Dictionary<string, int>(), nodes: false))],
    };

    public void Print(TextWriter output)
    {
        if (!IsUpgraded)
        {
            output.WriteLine($"{Source}: format {SourceVersion} is current; {(File is null ? "nothing was written" : $"copied to {File}")}");
            return;
        }

        output.WriteLine($"{File}: {Text.Bytes(FileBytes!.Value)}, format {FormatVersion}; from {Source}, {Text.Bytes(SourceBytes)}, format {SourceVersion}, {(Matrices == 1 ? "1 weight matrix" : $"{Matrices} weight matrices")} rearranged");
        foreach (var graph in Graphs!) graph.Print(output);
    }
}
