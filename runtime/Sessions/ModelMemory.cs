using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SeqRuntime.Sessions;

/// <summary>
/// The bytes of a model: a memory-mapped file or pinned memory. Counted: it stays until the model and the last session that
/// uses it have let go, in whatever order.
/// </summary>
internal sealed unsafe class ModelMemory : SafeHandle
{
    private const int Alignment = 64;
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
            using var file = Open(path, out var length);
            memory.Length = length;
            memory._file = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
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

    /// <summary>Reads a file into memory that begins at a multiple of 64 bytes, as a mapped file does.</summary>
    public static ModelMemory Read(string path)
    {
        using var file = Open(path, out var length);
        if (length > Array.MaxLength - Alignment) throw new SeqFormatException($"{path}: {length} bytes are more than a .seq file may have.");
        var bytes = GC.AllocateUninitializedArray<byte>((int)length + Alignment, pinned: true);
        var past = (int)((nuint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref bytes[0]) % Alignment);
        var content = bytes.AsMemory(past == 0 ? 0 : Alignment - past, (int)length);
        for (var done = 0; done < content.Length;)
        {
            var count = RandomAccess.Read(file, content.Span[done..], done);
            if (count == 0) throw new IOException($"{path} became shorter while it was read.");
            done += count;
        }

        return Pin(content);
    }

    public static ModelMemory Pin(ReadOnlyMemory<byte> data)
    {
        if (data.IsEmpty) throw new SeqFormatException("memory: no bytes were given.");
        var memory = new ModelMemory { _pin = data.Pin(), Length = data.Length };
        memory.SetHandle((nint)memory._pin.Pointer);
        return memory;
    }

    /// <summary>By its handle: streams would bring all kinds of streams into small programs.</summary>
    private static SafeFileHandle Open(string path, out long length)
    {
        var file = File.OpenHandle(path);
        try
        {
            length = RandomAccess.GetLength(file);
            return length > 0 ? file : throw new SeqFormatException($"{path}: the file is empty.");
        }
        catch (NotSupportedException)
        {
            file.Dispose();
            throw new IOException($"{path} is a pipe or a device; a model is loaded from a regular file, or from memory.");
        }
        catch (SeqFormatException)
        {
            file.Dispose();
            throw;
        }
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
