using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <content>Attributes of modules that the code sets: buffers, which become states, and others, which hold until the next call.</content>
internal sealed partial class ScriptRun
{
    private readonly Dictionary<string, ScriptTensor> _buffers = new(StringComparer.Ordinal);
    private readonly Dictionary<(PickledModule Owner, string Name), object?> _attributes = [];

    /// <summary>Buffers that the code overwrites, and their last values.</summary>
    public Dictionary<string, ScriptTensor> Written { get; } = new(StringComparer.Ordinal);

    /// <summary>Buffers that are read as states: their values in the graph.</summary>
    public IReadOnlyDictionary<string, ScriptTensor> Buffers => _buffers;

    /// <summary>Attributes that are set, other than buffers of the same shape.</summary>
    public IReadOnlyDictionary<(PickledModule Owner, string Name), object?> Attributes => _attributes;

    /// <summary>The number of times that something outside of the names of functions was set.</summary>
    public int Changes { get; private set; }

    /// <summary>Gives an attribute the value that an earlier call has set.</summary>
    public void Begin((PickledModule Owner, string Name) attribute, object? value) => _attributes[attribute] = value;

    private void Set(PickledModule module, string name, object? value)
    {
        Changes++;
        if (module[name] is TorchTensor tensor && _code.File.NameOf(tensor) is { } buffer && !_attributes.ContainsKey((module, name)) && value is ScriptTensor written && Fits(tensor, written)) Write(buffer, written);
        else _attributes[(module, name)] = value;
    }

    private static bool Fits(TorchTensor tensor, ScriptTensor value) =>
        tensor.Shape.Length == value.Rank && tensor.Shape.Zip(value.Sizes).All(pair => pair.Second.Number is null || pair.Second.Number == pair.First);

    /// <summary>Makes a tensor hold other elements.</summary>
    public void Overwrite(ScriptTensor tensor, ScriptTensor value) => _operators.Overwrite(tensor, value);

    /// <summary>Sets an attribute to another tensor. What was read of it before stays what it was.</summary>
    private void Write(string buffer, ScriptTensor value)
    {
        _ = Fitting(buffer, value);
        Written[buffer] = value;
    }

    /// <summary>Overwrites the elements of a buffer, also for what was read of it before.</summary>
    public void Fill(string buffer, ScriptTensor value)
    {
        Changes++;
        _ = Fitting(buffer, value);
        Written[buffer] = value;
    }

    private ScriptTensor Fitting(string buffer, ScriptTensor value)
    {
        var before = Buffer(buffer);
        if (before.Rank != value.Rank || !before.Sizes.Zip(value.Sizes).All(pair => pair.First.Join(pair.Second))) throw Fault($"the buffer '{buffer}' of shape {before} is overwritten by {value}");
        _code.States.Add(buffer);
        return before;
    }

    /// <summary>The value of a tensor of the file: a buffer that was overwritten, or the tensor.</summary>
    private ScriptTensor Tensor(TorchTensor tensor)
    {
        var name = _code.File.NameOf(tensor) ?? throw Fault("a tensor is used that no module has");
        return Written.TryGetValue(name, out var written) ? written : Buffer(name, tensor.Shape);
    }

    private ScriptTensor Buffer(string name, int[]? shape = null)
    {
        if (_buffers.TryGetValue(name, out var known)) return known;
        shape ??= _code.File.Weights.Read(name)!.Shape;
        var sizes = Array.ConvertAll(shape, size => new ScriptSize(size));
        // Those that are overwritten are states, and the graph reads them by their name.
        if (!_code.States.Contains(name)) return new ScriptTensor(sizes) { Weight = name };
        var value = name;
        while (Graph.Knows(value)) value += "_";
        Graph.Declare(value);
        return _buffers[name] = new ScriptTensor(sizes) { Value = value, Buffer = name };
    }
}
