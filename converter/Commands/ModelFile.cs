using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Converter.Commands;

/// <summary>Opens a <c>.seq</c> file for a command. Messages name the file.</summary>
internal static class ModelFile
{
    public static SeqModel Load(string path, string? kernels = null)
    {
        MustBeRegular(path);
        try
        {
            return SeqModel.Load(path, new SeqModelOptions { KernelSet = kernels });
        }
        catch (SeqFormatException e)
        {
            throw Other(path) is { } other ? new ConversionException(other, e) : Named(path, e);
        }
        catch (ArgumentException e)
        {
            // The environment names an unknown kernel set.
            throw new ConversionException(e.Message, e);
        }
    }

    /// <summary>What a file is instead of a .seq file, and what to do. Null if that is unknown, or if it is a damaged .seq file.</summary>
    private static string? Other(string path)
    {
        const long most = 1L << 30;
        if (new FileInfo(path).Length > most) return null;
        var file = File.ReadAllBytes(path);
        if (FileKinds.Of(file) == FileKind.Seq) return null;
        var kind = FileKinds.Of(Unpacking.Open(file, path));
        if (kind == FileKind.Unknown) return null;
        return kind == FileKind.Seq ? $"{path}: this .seq file is packed with gzip or xz; unpack it: a runtime maps the file itself into memory." : kind.NoSeq(path);
    }

    /// <summary>Reads a whole file.</summary>
    public static byte[] ReadAll(string path)
    {
        MustBeRegular(path);
        return File.ReadAllBytes(path);
    }

    /// <summary>Calls the runtime and puts the file's name before its errors.</summary>
    /// <exception cref="ConversionException">The runtime refuses the call.</exception>
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

    /// <summary>The graph with this name. Without a name, the only graph or the one named main.</summary>
    public static SeqGraphInfo Graph(SeqModel model, string path, string? name)
    {
        foreach (var graph in model.Graphs)
        {
            if (graph.Name == name || (name is null && (model.Graphs.Count == 1 || graph.Name == "main"))) return graph;
        }

        var names = string.Join(", ", model.Graphs.Select(g => g.Name));
        throw new UsageException(name is null ? $"{path} has several graphs: give --graph one of {names}" : $"{path} has no graph '{name}': give --graph one of {names}");
    }

    /// <summary>Refuses a missing file or a directory before anything opens it.</summary>
    public static void MustExist(string path)
    {
        if (Directory.Exists(path)) throw new ConversionException($"{path}: this is a directory; give a file");
        if (!File.Exists(path)) throw new ConversionException($"{path}: there is no such file; check the path");
    }

    /// <summary>Refuses a pipe or a device: opening a pipe would block until somebody writes to it.</summary>
    public static void MustBeRegular(string path)
    {
        MustExist(path);
        if (SpecialFile.Is(RealPath.Of(path))) throw new ConversionException($"{path}: this is a pipe or a device; give a regular file");
    }

    /// <summary>Puts the file's name before a message that does not name it.</summary>
    public static SeqFormatException Named(string path, SeqFormatException e) =>
        e.Message.Contains(path, StringComparison.Ordinal) ? e : new SeqFormatException($"{path}: {e.Message}", e);
}
