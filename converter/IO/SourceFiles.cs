using System.Security.Cryptography;

namespace SeqRuntime.Converter.IO;

/// <summary>A file that a conversion read.</summary>
/// <param name="Path">The path by which it was named.</param>
/// <param name="Bytes">Its length, unpacked if it is packed with gzip or xz.</param>
/// <param name="Sha256">Its hash in hexadecimal.</param>
/// <param name="IsModel">Whether it holds graphs or weights. Token tables and decoding documents do not count.</param>
internal sealed record SourceFile(string Path, long Bytes, string Sha256, bool IsModel);

/// <summary>
/// Reads every file of a conversion by one policy. A file that the user names on the command line may be anything, also a pipe, which is
/// read to its end. A file that a model or a document names must be a regular file in the model's own folder, or in a folder that the user
/// allows. Symbolic links must not lead out of these folders. Files packed with gzip or xz are unpacked in memory.
/// </summary>
/// <param name="permitted">Folders that the user allows.</param>
/// <param name="target">The output file, which must not be one of the files that are read. Null if there is none.</param>
internal sealed class SourceFiles(IReadOnlyList<string> permitted, string? target = null)
{
    /// <summary>Limit of the bytes read from a pipe.</summary>
    private const int LargestPipe = 1 << 28;

    private readonly Dictionary<string, SourceFile> _read = [];

    /// <summary>The files read so far.</summary>
    public IReadOnlyCollection<SourceFile> Read => _read.Values;

    /// <summary>The record of a file that was read.</summary>
    public SourceFile Of(string path) => _read[RealPath.Of(path)];

    /// <summary>Reads a file that the user named.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="isModel">Whether it holds graphs or weights.</param>
    /// <exception cref="ConversionException">The file does not exist or cannot be read.</exception>
    public byte[] ReadNamed(string path, bool isModel = true)
    {
        var bytes = WithFaults(path, () =>
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return ReadWhole(stream, path);
        });
        return Opened(path, bytes, isModel);
    }

    /// <summary>Reads a file that a model names.</summary>
    /// <param name="path">Its real path, from <see cref="ModelFolder.Find"/>.</param>
    /// <param name="isModel">Whether it holds graphs or weights.</param>
    /// <exception cref="ConversionException">The file cannot be read.</exception>
    public byte[] ReadFound(string path, bool isModel = true)
    {
        using var stream = Open(path);
        var bytes = WithFaults(path, () => ReadWhole(stream, path));
        return Opened(path, bytes, isModel);
    }

    /// <summary>Opens a file that a model names, to read parts of it.</summary>
    /// <exception cref="ConversionException">The file cannot be read.</exception>
    public FileStream OpenFound(string path)
    {
        var stream = Open(path);
        Add(path, stream.Length, isModel: true, () => SHA256.HashData(stream));
        stream.Position = 0;
        return stream;
    }

    /// <summary>The folders whose files a model may name.</summary>
    /// <param name="models">The model, or the models whose folders are searched.</param>
    public ModelFolder FolderOf(params IEnumerable<string> models) => new([.. models], permitted);

    private static FileStream Open(string path)
    {
        var stream = WithFaults(path, () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read));
        // Check the opened file itself, in case links were changed after the path was checked.
        var opened = OperatingSystem.IsLinux() ? new FileInfo($"/proc/self/fd/{stream.SafeFileHandle.DangerousGetHandle()}").LinkTarget ?? path : RealPath.Of(path);
        if (opened.Equals(path, RealPath.Comparison) && stream.CanSeek) return stream;
        stream.Dispose();
        throw new ConversionException($"{path}: the file changed while it was read; try again");
    }

    private static byte[] ReadWhole(FileStream stream, string path)
    {
        if (!stream.CanSeek || stream.Length == 0) return ReadPipe(stream, path);
        if (stream.Length > Array.MaxLength) throw new ConversionException($"{path}: the file has {stream.Length} bytes; at most 2 GiB can be read at once. Store the weights of a larger ONNX model as external data.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static byte[] ReadPipe(FileStream stream, string path)
    {
        using var all = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var count)
        {
            all.Write(buffer, 0, count);
            if (all.Length > LargestPipe) throw new ConversionException($"{path}: this is not a regular file, and it gives more than {LargestPipe >> 20} MiB; store its content in a file first");
        }

        return all.ToArray();
    }

    private byte[] Opened(string path, byte[] bytes, bool isModel)
    {
        var content = Unpacking.Open(bytes, path);
        Add(path, content.Length, isModel, () => SHA256.HashData(bytes));
        return content;
    }

    private void Add(string path, long bytes, bool isModel, Func<byte[]> hash)
    {
        var real = RealPath.Of(path);
        if (_read.ContainsKey(real)) return;
        if (target is not null && real.Equals(RealPath.Of(target), RealPath.Comparison)) throw new ConversionException($"-o {target}: this would overwrite '{path}', which the model is read from; write to another file");
        _read[real] = new SourceFile(path, bytes, Convert.ToHexStringLower(hash()), isModel);
    }

    private static T WithFaults<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConversionException($"{path}: there is no such file; check the path", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConversionException($"{path}: it cannot be read: {fault.Message}", fault);
        }
    }
}
