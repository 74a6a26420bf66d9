using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace SeqRuntime.Tests.Importers;

/// <summary>A tensor in a pickle: a view into storage number Storage, which has Count elements.</summary>
internal sealed record TorchView(int Storage, string Type, long Count, long Offset, int[] Shape, long[] Strides)
{
    public bool IsParameter { get; init; }

    /// <summary>The type's name for a storage of bytes (_rebuild_tensor_v3). Null for a typed storage.</summary>
    public string? OfBytes { get; init; }
}

/// <summary>A name of a module, and a call of it.</summary>
internal sealed record TorchName(string Module, string Name);

/// <inheritdoc cref="TorchName"/>
internal sealed record TorchCall(TorchName Name, params object?[] Arguments);

/// <summary>A TorchScript module: its class and its attributes.</summary>
internal sealed record TorchModule(string Class, params (object, object?)[] Attributes);

/// <summary>An object of Python: its class and its attributes.</summary>
internal sealed record TorchWhole(string Module, string Name, params (object, object?)[] Attributes);

/// <summary>A dict with its items; as PyTorch pickles it, an OrderedDict with the attribute _metadata.</summary>
internal sealed record TorchDict(params (object Key, object? Value)[] Items);

/// <summary>
/// Writes checkpoints as torch.save does: a zip of stored entries, and a pickle whose opcodes follow Python's pickler and PyTorch's serialization.py.
/// </summary>
internal sealed class TorchCheckpoint(int protocol = 2, bool bigEndian = false, string folder = "archive/", CompressionLevel level = CompressionLevel.NoCompression)
{
    private readonly List<byte[]> _storages = [];
    private readonly List<int> _sizes = [];
    private bool _isOld;
    private readonly List<byte> _pickle = [];
    private readonly Dictionary<string, uint> _memo = [];
    private uint _next;

    /// <summary>Adds a storage and returns a row-major view of the whole.</summary>
    public TorchView Store<T>(string type, T[] values, params int[] shape)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        var size = bytes.Length / Math.Max(1, values.Length);
        for (var i = 0; bigEndian && i < bytes.Length; i += size) bytes.AsSpan(i, size).Reverse();
        _storages.Add(bytes);
        _sizes.Add(size);
        var strides = new long[shape.Length];
        for (int axis = shape.Length - 1, step = 1; axis >= 0; axis--) (strides[axis], step) = (step, step * shape[axis]);
        return new TorchView(_storages.Count - 1, type, values.Length, 0, shape, strides);
    }

    public TorchView Store(float[] values, params int[] shape) => Store("FloatStorage", values, shape);

    /// <summary>The pickle of a value.</summary>
    public byte[] Pickle(object? value)
    {
        _pickle.Clear();
        _memo.Clear();
        _next = 0;
        Put(0x80, (byte)protocol);
        Value(value);
        Put((byte)'.');
        return [.. _pickle];
    }

    /// <summary>The file of a value.</summary>
    public byte[] File(object? value) => Zip(Pickle(value));

    /// <summary>The file as torch.save wrote it before version 1.6: pickles one after another, then the storages.</summary>
    public byte[] OldFile(object? value)
    {
        _isOld = true;
        byte[] magic = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.'];
        var file = new List<byte>([.. magic, .. Pickle(1001), .. Pickle(new TorchDict(("protocol_version", 1001), ("little_endian", true))), .. Pickle(value)]);
        int[] order = [.. Enumerable.Range(0, _storages.Count).Reverse()];
        file.AddRange(Pickle(order.Select(i => (object?)i.ToString(System.Globalization.CultureInfo.InvariantCulture)).ToList()));
        foreach (var i in order)
        {
            file.AddRange(BitConverter.GetBytes((long)_storages[i].Length / _sizes[i]));
            file.AddRange(_storages[i]);
        }

        _isOld = false;
        return [.. file];
    }

    /// <summary>The file of a pickle and the storages.</summary>
    public byte[] Zip(byte[] pickle, params (string Name, byte[] Content)[] more)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("data.pkl", pickle);
            Add("byteorder", bigEndian ? "big"u8.ToArray() : "little"u8.ToArray());
            for (var i = 0; i < _storages.Count; i++) Add($"data/{i}", _storages[i]);
            Add("version", "3\n"u8.ToArray());
            foreach (var (name, content) in more) Add(name, content);

            void Add(string name, byte[] content)
            {
                using var entry = zip.CreateEntry(folder + name, level).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    private void Value(object? value)
    {
        switch (value)
        {
            case null: Put((byte)'N'); break;
            case bool truth: Put((byte)(truth ? 0x88 : 0x89)); break;
            case int or long: Number(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)); break;
            case double number:
                Put((byte)'G');
                var bits = new byte[8];
                BinaryPrimitives.WriteDoubleBigEndian(bits, number);
                Put(bits);
                break;
            case string text: Text(text); break;
            case TorchName name: Name(name); break;
            case TorchCall call: Call(call.Name, () => Tuple(call.Arguments)); break;
            case TorchView view: View(view); break;
            case TorchDict dict: Dict(dict); break;
            case TorchModule module:
                Name(new TorchName("__torch__", module.Class));
                Put((byte)')', 0x81, (byte)'}', (byte)'(');
                Items(module.Attributes);
                Put((byte)'u', (byte)'b');
                break;
            case TorchWhole whole:
                if (_isOld)
                {
                    // Such files hold the source of a class beside its name.
                    Tuple(["module", new TorchName(whole.Module, whole.Name), "model.py", "class Model: pass"]);
                    Put((byte)'Q');
                }
                else
                {
                    Name(new TorchName(whole.Module, whole.Name));
                }

                Put((byte)')', 0x81, (byte)'}', (byte)'(');
                Items(whole.Attributes);
                Put((byte)'u', (byte)'b');
                break;
            case List<object?> list:
                Put((byte)']');
                Remember(null);
                Put((byte)'(');
                list.ForEach(Value);
                Put((byte)'e');
                break;
            case object?[] tuple: Tuple(tuple); break;
            default: throw new ArgumentException($"{value.GetType()} is not pickled", nameof(value));
        }
    }

    private void View(TorchView view)
    {
        if (view.IsParameter)
        {
            Call(new TorchName("torch._utils", "_rebuild_parameter"), () => Tuple([view with { IsParameter = false }, true, new TorchCall(new TorchName("collections", "OrderedDict"))]));
            return;
        }

        Call(new TorchName("torch._utils", view.OfBytes is null ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3"), () =>
        {
            Put((byte)'(');
            Tuple(["storage", new TorchName(view.Type == "UntypedStorage" ? "torch.storage" : "torch", view.Type), view.Storage.ToString(System.Globalization.CultureInfo.InvariantCulture), "cpu", view.Count, .. _isOld ? (object?[])[null] : []]);
            Put((byte)'Q');
            Value(view.Offset);
            Tuple([.. view.Shape.Cast<object?>()]);
            Tuple([.. view.Strides.Cast<object?>()]);
            Value(false);
            Value(new TorchCall(new TorchName("collections", "OrderedDict")));
            if (view.OfBytes is { } type) Value(new TorchName("torch", type));
            Put((byte)'t');
            Remember(null);
        });
    }

    private void Dict(TorchDict dict)
    {
        Call(new TorchName("collections", "OrderedDict"), () => Put((byte)')'));
        Put((byte)'(');
        Items(dict.Items);
        Put((byte)'u', (byte)'}');
        Remember(null);
        Text("_metadata");
        Put((byte)'}', (byte)'s', (byte)'b');
    }

    private void Items((object Key, object? Value)[] items)
    {
        foreach (var (key, value) in items)
        {
            Value(key);
            Value(value);
        }
    }

    private void Call(TorchName name, Action arguments)
    {
        Name(name);
        arguments();
        Put((byte)'R');
        Remember(null);
    }

    private void Tuple(object?[] items)
    {
        if (items.Length is 0 or > 3) Put(items.Length == 0 ? (byte)')' : (byte)'(');
        foreach (var item in items) Value(item);
        if (items.Length > 3) Put((byte)'t');
        else if (items.Length > 0) Put((byte)(0x84 + items.Length));
        if (items.Length > 0) Remember(null);
    }

    private void Name(TorchName name)
    {
        var key = $"c{name.Module}.{name.Name}";
        if (Recall(key)) return;
        if (protocol < 4)
        {
            Put([(byte)'c', .. Encoding.UTF8.GetBytes($"{name.Module}\n{name.Name}\n")]);
        }
        else
        {
            Text(name.Module);
            Text(name.Name);
            Put(0x93);
        }

        Remember(key);
    }

    private void Text(string text)
    {
        if (Recall("s" + text)) return;
        var bytes = Encoding.UTF8.GetBytes(text);
        Put(protocol < 4 || bytes.Length > 255 ? [(byte)'X', .. Bytes((uint)bytes.Length), .. bytes] : [0x8C, (byte)bytes.Length, .. bytes]);
        Remember("s" + text);
    }

    private void Number(long number) => Put(number switch
    {
        >= 0 and < 256 => [(byte)'K', (byte)number],
        >= 0 and < 65536 => [(byte)'M', (byte)number, (byte)(number >> 8)],
        >= int.MinValue and <= int.MaxValue => [(byte)'J', .. Bytes((uint)(int)number)],
        _ => [0x8A, 8, .. Bytes((uint)number), .. Bytes((uint)(number >> 32))],
    });

    private bool Recall(string key)
    {
        if (!_memo.TryGetValue(key, out var place)) return false;
        if (place < 256) Put((byte)'h', (byte)place);
        else Put([(byte)'j', .. Bytes(place)]);
        return true;
    }

    private void Remember(string? key)
    {
        if (key is not null) _memo[key] = _next;
        if (protocol >= 4) Put(0x94);
        else if (_next < 256) Put((byte)'q', (byte)_next);
        else Put([(byte)'r', .. Bytes(_next)]);
        _next++;
    }

    private static byte[] Bytes(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private void Put(params byte[] bytes) => _pickle.AddRange(bytes);
}
