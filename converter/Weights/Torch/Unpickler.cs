using System.Runtime.InteropServices;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>
/// Reads a Python pickle of protocols 2 to 5, in the opcodes that PyTorch writes. It builds tensors, numbers, texts and containers and runs nothing:
/// <see cref="TorchNames"/> lists the names that a pickle may use. The stack is a list, so deep nesting costs no stack memory.
/// </summary>
internal sealed class Unpickler
{
    /// <summary>Above those of any checkpoint: a tensor takes about twenty.</summary>
    private const int MostOpcodes = 4_000_000;
    private const int LastProtocol = 5;
    private const string Set = "builtins.set";

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private readonly PickleBytes _bytes;
    private readonly TorchNames _names;

    private Unpickler(PickleBytes bytes, TorchNames names) => (_bytes, _names) = (bytes, names);

    /// <summary>The value of a pickle: null, bool, long, double, string, byte[], object?[] (a tuple), a List of objects, or a type of this room.</summary>
    /// <param name="bytes">The pickle.</param>
    /// <param name="names">The names that it may use.</param>
    /// <exception cref="ConversionException">The pickle is damaged, or names something else.</exception>
    public static object? Read(PickleBytes bytes, TorchNames names) => new Unpickler(bytes, names).Run();

    private object? Run()
    {
        for (var count = 0; count < MostOpcodes; count++)
        {
            var code = _bytes.Byte();
            if (code == '.')
            {
                if (_stack.Count != 1 || _marks.Count > 0) throw _bytes.Damaged("it ends with more than one value");
                _names.Finish();
                return _stack[0];
            }

            if (!Value(code) && !Container(code) && !Stack(code) && !Call(code)) throw _bytes.Damaged($"the opcode 0x{code:X2} is not one that PyTorch writes");
        }

        throw _bytes.Damaged($"there are more than {MostOpcodes} opcodes");
    }

    /// <summary>Numbers and texts.</summary>
    private bool Value(byte code)
    {
        switch (code)
        {
            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'K': Push((long)_bytes.Byte()); break;
            case (byte)'M': Push((long)_bytes.UInt16()); break;
            case (byte)'J': Push((long)_bytes.Int32()); break;
            case 0x8A: Push(_bytes.Long(_bytes.Byte())); break;
            case 0x8B: Push(_bytes.Long(_bytes.UInt32())); break;
            case (byte)'G': Push(_bytes.Double()); break;
            case (byte)'X' or (byte)'T': Push(_bytes.Text(_bytes.UInt32())); break;
            case 0x8C or (byte)'U': Push(_bytes.Text(_bytes.Byte())); break;
            case 0x8D: Push(_bytes.Text(_bytes.UInt64())); break;
            case (byte)'B': Push(_bytes.Take(_bytes.UInt32()).ToArray()); break;
            case (byte)'C': Push(_bytes.Take(_bytes.Byte()).ToArray()); break;
            case 0x8E or 0x96: Push(_bytes.Take(_bytes.UInt64()).ToArray()); break;
            default: return false;
        }

        return true;
    }

    private bool Container(byte code)
    {
        switch (code)
        {
            case (byte)')': Push(Array.Empty<object?>()); break;
            case (byte)'t': Push(FromMark()); break;
            case 0x85 or 0x86 or 0x87: Push(Last(code - 0x84)); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)'l': Push(new List<object?>(FromMark())); break;
            case (byte)'a': Append(Last(1)); break;
            case (byte)'e': Append(FromMark()); break;
            case (byte)'}': Push(new PickledDict()); break;
            case (byte)'d':
                var filled = FromMark();
                Push(new PickledDict());
                SetItems(filled);
                break;
            case (byte)'s': SetItems(Last(2)); break;
            case (byte)'u': SetItems(FromMark()); break;
            case 0x8F: Push(_names.Find(Set)); break;
            case 0x90:
                FromMark();
                if (Top() is not PickledPlaceholder) throw _bytes.Damaged("items are added to something that is not a set");
                break;
            case 0x91:
                FromMark();
                Push(_names.Find(Set));
                break;
            default: return false;
        }

        return true;
    }

    /// <summary>The stack, the memo and the frames.</summary>
    private bool Stack(byte code)
    {
        switch (code)
        {
            case 0x80:
                if (_bytes.Byte() is var protocol && protocol > LastProtocol) throw _bytes.Damaged($"pickles of protocol {protocol} are not known");
                break;
            case 0x95: _bytes.UInt64(); break;
            case (byte)'(': _marks.Add(_stack.Count); break;
            case (byte)'0': Pop(); break;
            case (byte)'1': FromMark(); break;
            case (byte)'2': Push(Top()); break;
            case (byte)'q': _memo[_bytes.Byte()] = Top(); break;
            case (byte)'r': _memo[_bytes.UInt32()] = Top(); break;
            case 0x94: _memo[(uint)_memo.Count] = Top(); break;
            case (byte)'h': Push(Remembered(_bytes.Byte())); break;
            case (byte)'j': Push(Remembered(_bytes.UInt32())); break;
            default: return false;
        }

        return true;
    }

    /// <summary>Names, and what is done with them.</summary>
    private bool Call(byte code)
    {
        switch (code)
        {
            case (byte)'c': Push(_names.Find($"{_bytes.Line()}.{_bytes.Line()}")); break;
            case 0x93:
                Push(Last(2) is [string module, string name] ? _names.Find($"{module}.{name}") : throw _bytes.Damaged("a name is not a text"));
                break;
            case (byte)'Q': Push(_names.Persistent(Pop())); break;
            case (byte)'R':
                Push(Last(2) is [var function, object?[] arguments] ? _names.Call(function, arguments) : throw _bytes.Damaged("a call has no tuple of arguments"));
                break;
            case 0x81:
                Push(Last(2) is [var type, object?[]] ? _names.Make(type) : throw _bytes.Damaged("an object has no tuple of arguments"));
                break;
            case (byte)'b':
                var state = Pop();
                _names.Build(Top(), state);
                break;
            default: return false;
        }

        return true;
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Top() => _stack.Count > Floor ? _stack[^1] : throw _bytes.Damaged("a value is missing");

    private object? Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] Last(int count) => _stack.Count - Floor >= count ? Cut(_stack.Count - count) : throw _bytes.Damaged("a value is missing");

    private object?[] FromMark()
    {
        if (_marks.Count == 0) throw _bytes.Damaged("a mark is missing");
        var from = Floor;
        _marks.RemoveAt(_marks.Count - 1);
        return Cut(from);
    }

    private object?[] Cut(int from)
    {
        var values = CollectionsMarshal.AsSpan(_stack)[from..].ToArray();
        _stack.RemoveRange(from, values.Length);
        return values;
    }

    /// <summary>The stack's length at the last mark.</summary>
    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private object? Remembered(uint place) => _memo.TryGetValue(place, out var value) ? value : throw _bytes.Damaged($"value {place} of the memo is missing");

    private void Append(object?[] values)
    {
        if (Top() is PickledPlaceholder or PickledModule { IsWhole: true }) return;
        if (Top() is not List<object?> list) throw _bytes.Damaged("values are appended to something that is not a list");
        list.AddRange(values);
    }

    private void SetItems(object?[] values)
    {
        if (Top() is PickledModule { IsWhole: true }) return;
        if ((Top() as PickledPlaceholder)?.Attributes is not { } dict && (dict = Top() as PickledDict) is null) throw _bytes.Damaged("items are set in something that is not a dict");
        if (values.Length % 2 != 0) throw _bytes.Damaged("a key has no value");
        for (var i = 0; i < values.Length; i += 2) dict.Items.Add(new(values[i], values[i + 1]));
    }
}
