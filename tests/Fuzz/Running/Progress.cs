using System.IO.MemoryMappedFiles;

namespace SeqRuntime.Fuzz.Running;

/// <summary>A worker's progress in memory that outlives it: the current input, and the results of earlier ones.</summary>
internal sealed class Progress : IDisposable
{
    private const int Fields = 4;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private Progress(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, Fields * sizeof(long));
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Index of the current input.</summary>
    public long At
    {
        get => _view.ReadInt64(0);
        set => _view.Write(0, value);
    }

    public long Taken
    {
        get => _view.ReadInt64(8);
        set => _view.Write(8, value);
    }

    public long Refused
    {
        get => _view.ReadInt64(16);
        set => _view.Write(16, value);
    }

    public long Faults
    {
        get => _view.ReadInt64(24);
        set => _view.Write(24, value);
    }

    public static Progress Open(string path) => new(path);

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
