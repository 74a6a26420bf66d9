using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Inputs of the converter: files in their own folder. A converted model is loaded and run once.</summary>
internal abstract class ConverterTarget : Target
{
    private const long MostMemory = 1 << 26;

    private readonly string _folder = Directory.CreateTempSubdirectory("seq-fuzz-").FullName;

    public override void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        base.Dispose();
    }

    /// <summary>Path of a file in the folder.</summary>
    protected string At(string name) => Path.Combine(_folder, name);

    protected string Write(string name, byte[] content)
    {
        File.WriteAllBytes(At(name), content);
        return At(name);
    }

    protected Outcome Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions? options = null)
    {
        byte[] file;
        try
        {
            file = Conversion.Convert(sources, options ?? new ConversionOptions()).File;
        }
        catch (ConversionException fault)
        {
            Why = fault.Message;
            return Outcome.Refused;
        }

        // A converted file must load. A session may still not fit, and an index may be out of range.
        using var model = SeqModel.Load(file);
        foreach (var graph in model.Graphs)
        {
            try
            {
                using var session = model.CreateSession(graph.Name, new SeqSessionOptions { MemoryLimitBytes = MostMemory });
                session.Run();
            }
            catch (Exception fault) when (fault is SeqDataException or ArgumentException)
            {
            }
        }

        return Outcome.Taken;
    }
}
