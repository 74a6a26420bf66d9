using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace SeqRuntime.Sessions;

/// <summary>
/// The bytes of a model: a memory-mapped file or pinned memory. Counted: it stays until the model and the last session that
/// uses it have let go, in whatever order.
/// </summary>
internal sealed unsafe class ModelMemory : SafeHandle
{
    private MemoryMappedFile? _file;
    private MemoryMappedViewAccessor? _view;
    private MemoryHandle _pin;

    public ModelMemory()
        : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    public long Length { get; private set; }

    public byte* Start => (byte*)handle;

    public static ModelMemory Map(string path)
    {
        var memory = new ModelMemory();
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            memory.Length = stream.Length;
            if (stream.Length == 0) throw new SeqFormatException($"{path}: the file is empty.");
            memory._file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            memory._view = memory._file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            memory._view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            memory.SetHandle((nint)(start + memory._view.PointerOffset));
            return memory;
        }
        catch
        {
            memory._view?.Dispose();
            memory._file?.Dispose();
            memory.Dispose();
            throw;
        }
    }

    public static ModelMemory Pin(ReadOnlyMemory<byte> data)
    {
        if (data.IsEmpty) throw new SeqFormatException("memory: no bytes were given.");
        var memory = new ModelMemory { _pin = data.Pin(), Length = data.Length };
        memory.SetHandle((nint)memory._pin.Pointer);
        return memory;
    }

    protected override bool ReleaseHandle()
    {
        if (_view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file?.Dispose();
        }

        _pin.Dispose();
        return true;
    }
}
