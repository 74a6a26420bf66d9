using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>An upgraded file.</summary>
/// <param name="File">The whole file.</param>
/// <param name="Version">The version of the file that was read.</param>
/// <param name="Moved">The number of weight matrices in it.</param>
internal sealed record UpgradedFile(byte[] File, string Version, int Moved);

/// <summary>
/// Brings a file of format 1.x into the format of today: the same graphs, states, metadata and tables, and the same numbers in the order in
/// which today's products read them. Outputs keep every bit.
/// </summary>
internal static class Upgrade
{
    /// <summary>Whether a file is of a version that is upgraded.</summary>
    /// <exception cref="SeqFormatException">It is not a <c>.seq</c> file, or of a version that this program does not know.</exception>
    public static bool IsNeeded(SourceName file, ReadOnlySpan<byte> bytes) => SeqReader.MajorOf(file, bytes) switch
    {
        OlderReader.Major => true,
        SeqLayout.Major => false,
        > SeqLayout.Major and var newer => throw new SeqFormatException(file, $"{file.Text}: format version {newer} is not supported; this program reads versions 1 and {SeqLayout.Major}. Use a newer seqconvert."),
        var other => throw SeqReader.Unknown(file, other),
    };

    /// <summary>Upgrades a file. <see cref="Check"/> must follow before the result is used.</summary>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="bytes">The whole file.</param>
    /// <exception cref="SeqFormatException">The file is damaged, or not of a version that is upgraded.</exception>
    public static UpgradedFile Run(SourceName file, ReadOnlyMemory<byte> bytes)
    {
        var model = OlderReader.Read(file, bytes);
        var (upgraded, moved) = Rebuild(model);
        return new UpgradedFile(upgraded, model.Version, moved);
    }

    /// <summary>A model as a file of today, and the number of weight matrices that were moved.</summary>
    public static (byte[] File, int Moved) Rebuild(OlderModel model)
    {
        var target = new SeqModelBuilder();
        foreach (var (key, value) in model.Metadata) target.Metadata[key] = value;
        foreach (var (name, entries) in model.Tables) target.Tables[name] = [.. entries];
        var tensors = new UpgradedTensors(model, target);
        var graphs = Array.ConvertAll(model.Graphs, graph => new UpgradedGraph(model, graph, tensors));
        tensors.Store();
        foreach (var graph in graphs) graph.AddTo(target);
        return (SeqWriter.ToArray(target), tensors.Moved);
    }

    /// <summary>Loads the result: the runtime must take it.</summary>
    /// <exception cref="SeqFormatException">It does not; this is a fault of the old file.</exception>
    public static SeqModel Check(SourceName file, byte[] upgraded)
    {
        try
        {
            return SeqModel.Load(upgraded, new SeqModelOptions { VerifyChecksums = false });
        }
        catch (SeqFormatException fault)
        {
            // The result has no name yet, and its fault is one of the file.
            var memory = $"{SourceName.Memory.Text}: ";
            throw new SeqFormatException($"{file.Text}: {(fault.Message.StartsWith(memory, StringComparison.Ordinal) ? fault.Message[memory.Length..] : fault.Message)}", fault);
        }
    }
}
