using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Tests;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Inputs of the converter: files in their own folder. A converted model is loaded and run once.</summary>
internal abstract class ConverterTarget : Target
{
    private const long MostMemory = 1 << 26;

    private readonly TemporaryFolder _folder = new();

    public override void Dispose()
    {
        _folder.Dispose();
        base.Dispose();
    }

    /// <summary>Path of a file in the folder.</summary>
    protected string At(string name) => _folder[name];

    protected string Write(string name, byte[] content) => _folder.Write(name, content);

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
