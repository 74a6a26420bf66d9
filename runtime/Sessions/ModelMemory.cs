using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SeqRuntime.Format;

namespace SeqRuntime.Sessions;

/// <summary>
/// The bytes of a model: a memory-mapped file, pinned memory, or what was read from a stream. Counted: it stays until the model and the last session that
/// uses it are disposed, in any order.
/// </summary>
internal sealed unsafe class ModelMemory : SafeHandle
{
    private const int Alignment = 64;

    /// <summary>Most bytes that a stream's own length makes it take before any have come.</summary>
    private const long MostAhead = 1L << 30;

    private MemoryMappedFile? _file;
    private MemoryMappedViewAccessor? _view;
    private MemoryHandle _pin;
    private bool _isNative;

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

    /// <summary>Reads a file into memory aligned to 64 bytes, like a mapped file.</summary>
    public static ModelMemory Read(string path)
    {
        using var file = Open(path, out var length);
        if (length > Array.MaxLength - Alignment) throw new SeqFormatException(path, $"{path}: the file has {length} bytes; at most {Array.MaxLength - Alignment} can be loaded into memory.");
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

    /// <summary>Reads a stream to its end, into native memory that begins at a multiple of 64 bytes.</summary>
    public static ModelMemory Read(Stream stream)
    {
        var memory = new ModelMemory { _isNative = true };
        try
        {
            var room = stream.CanSeek ? Math.Clamp(stream.Length - stream.Position + 1, Alignment, MostAhead) : 1 << 16;
            memory.SetHandle((nint)NativeMemory.AlignedAlloc((nuint)room, Alignment));
            for (var count = -1; count != 0; memory.Length += count)
            {
                if (memory.Length > int.MaxValue) throw new SeqFormatException(SourceName.Stream, $"stream: it has more than {int.MaxValue} bytes, the limit of a .seq file.");
                if (memory.Length == room) memory.Resize(room *= 2);
                var rest = new Span<byte>(memory.Start + memory.Length, (int)Math.Min(room - memory.Length, int.MaxValue));
                count = stream.Read(rest);
                if ((uint)count > (uint)rest.Length) throw new IOException($"The stream returned {count} bytes; at most {rest.Length} were requested.");
            }

            if (memory.Length == 0) throw new SeqFormatException(SourceName.Stream, "stream: it is empty.");
            memory.Resize(memory.Length);
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    public static ModelMemory Pin(ReadOnlyMemory<byte> data)
    {
        if (data.IsEmpty) throw new SeqFormatException(SourceName.Memory, "memory: no bytes were given.");
        var memory = new ModelMemory { _pin = data.Pin(), Length = data.Length };
        memory.SetHandle((nint)memory._pin.Pointer);
        return memory;
    }

    /// <summary>Uses the file handle: a FileStream would make small programs larger.</summary>
    private static SafeFileHandle Open(string path, out long length)
    {
        var file = File.OpenHandle(path);
        try
        {
            length = RandomAccess.GetLength(file);
            return length > 0 ? file : throw new SeqFormatException(path, $"{path}: the file is empty.");
        }
        catch (NotSupportedException)
        {
            file.Dispose();
            throw new IOException($"{path} is a pipe or a device. Load a regular file, a stream, or bytes in memory.");
        }
        catch (SeqFormatException)
        {
            file.Dispose();
            throw;
        }
    }

    private void Resize(long bytes) => SetHandle((nint)NativeMemory.AlignedRealloc((void*)handle, (nuint)bytes, Alignment));

    protected override bool ReleaseHandle()
    {
        if (_view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file?.Dispose();
        }

        _pin.Dispose();
        if (_isNative) NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
