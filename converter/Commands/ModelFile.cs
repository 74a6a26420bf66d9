using SeqRuntime.Converter.IO;
using SeqRuntime.Kernels;

namespace SeqRuntime.Converter.Commands;

/// <summary>Opens a <c>.seq</c> file for a command, with messages that name the file.</summary>
internal static class ModelFile
{
    public static SeqModel Load(string path, string? kernels = null)
    {
        MustExist(path);
        // Opening a pipe waits for someone to write to it.
        if (SpecialFile.Is(RealPath.Of(path))) throw new ConversionException($"{path}: this is a pipe or a device; give a regular file");
        try
        {
            return SeqModel.Load(path, new SeqModelOptions { KernelPath = kernels });
        }
        catch (SeqFormatException e)
        {
            throw Named(path, e);
        }
        catch (ArgumentException e)
        {
            // A kernel set that the environment asks for.
            throw new ConversionException(e.Message, e);
        }
    }

    /// <summary>Calls the runtime; what it refuses is told of the file.</summary>
    /// <exception cref="ConversionException">It refuses; the message says why.</exception>
    public static T Ask<T>(string path, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (ArgumentException fault)
        {
            throw new ConversionException($"{path}: {fault.Message}", fault);
        }
    }

    /// <summary>Refuses a --kernels that is unknown or that this processor cannot run.</summary>
    public static void CheckKernels(string? name)
    {
        if (name is null || KernelRegistry.Runnable.Any(kernels => kernels.Name == name)) return;
        var why = KernelRegistry.Built.Contains(name) ? "this processor cannot run that kernel set" : "there is no such kernel set";
        throw new UsageException($"--kernels {name}: {why}; give one of {string.Join(", ", KernelRegistry.Runnable.Select(kernels => kernels.Name))}");
    }

    /// <summary>The graph of a name; without a name the only one, or main.</summary>
    public static SeqGraphInfo Graph(SeqModel model, string path, string? name)
    {
        foreach (var graph in model.Graphs)
        {
            if (graph.Name == name || (name is null && (model.Graphs.Count == 1 || graph.Name == "main"))) return graph;
        }

        var names = string.Join(", ", model.Graphs.Select(g => g.Name));
        throw new UsageException(name is null ? $"{path} has several graphs: give --graph one of {names}" : $"{path} has no graph '{name}': give --graph one of {names}");
    }

    /// <summary>Refuses what is no file, before anything opens it.</summary>
    public static void MustExist(string path)
    {
        if (Directory.Exists(path)) throw new ConversionException($"{path}: this is a directory; give a file");
        if (!File.Exists(path)) throw new ConversionException($"{path}: there is no such file; check the path");
    }

    /// <summary>Puts the file's name before a message that lacks it.</summary>
    public static SeqFormatException Named(string path, SeqFormatException e) =>
        e.Message.Contains(path, StringComparison.Ordinal) ? e : new SeqFormatException($"{path}: {e.Message}", e);
}
