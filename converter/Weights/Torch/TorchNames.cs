using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>The names that a pickle of PyTorch may use, and what they build. Every other name is refused, but for the classes of modules: their attributes are read, and nothing of them is called.</summary>
internal sealed class TorchNames(PickleBytes bytes, string where)
{
    private const int MaximumRank = 32;
    private const string Module = "__torch__.";

    private static readonly PickledName s_dict = new("collections.OrderedDict");

    /// <summary>Names that are not known, with the number of modules of that class. Such a name may only be the class of a module.</summary>
    private readonly Dictionary<string, int> _others = new(StringComparer.Ordinal);

    /// <summary>Those of them that are classes of objects.</summary>
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);

    /// <summary>The storages that the pickle names, by their key.</summary>
    public Dictionary<string, TorchStorage> Storages { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of objects that are not read.</summary>
    public SortedSet<string> Ignored { get; } = new(StringComparer.Ordinal);

    /// <summary>The class of storages of bytes.</summary>
    private static readonly PickledName s_untyped = new("torch.storage.UntypedStorage");

    /// <summary>Types by the names of storages and of element types.</summary>
    private static readonly Dictionary<string, object> s_types = new(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = StoredType.Float32,
        ["torch.DoubleStorage"] = StoredType.Float64,
        ["torch.HalfStorage"] = StoredType.Float16,
        ["torch.BFloat16Storage"] = StoredType.BFloat16,
        ["torch.LongStorage"] = StoredType.Int64,
        ["torch.IntStorage"] = StoredType.Int32,
        ["torch.ShortStorage"] = StoredType.Int16,
        ["torch.CharStorage"] = StoredType.Int8,
        ["torch.ByteStorage"] = StoredType.UInt8,
        ["torch.BoolStorage"] = StoredType.Bool,
        [s_untyped.Name] = s_untyped,
        ["torch.float32"] = StoredType.Float32,
        ["torch.float64"] = StoredType.Float64,
        ["torch.float16"] = StoredType.Float16,
        ["torch.bfloat16"] = StoredType.BFloat16,
        ["torch.int64"] = StoredType.Int64,
        ["torch.int32"] = StoredType.Int32,
        ["torch.int16"] = StoredType.Int16,
        ["torch.int8"] = StoredType.Int8,
        ["torch.uint8"] = StoredType.UInt8,
        ["torch.bool"] = StoredType.Bool,
    };

    /// <summary>Functions, which get the arguments of a call.</summary>
    private static readonly Dictionary<string, object> s_functions = new[]
    {
        s_dict.Name, "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter", "torch.Size", "torch.device",
        // TorchScript's containers with a type.
        "torch.jit._pickle.restore_type_tag", "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist", "torch.jit._pickle.build_tensorlist",
    }.ToDictionary(name => name, object (name) => name == s_dict.Name ? s_dict : new PickledName(name), StringComparer.Ordinal);

    /// <summary>Finds a name of module and type or function.</summary>
    /// <exception cref="ConversionException">The name is not allowed.</exception>
    public object Find(string name)
    {
        if (s_types.TryGetValue(name, out var type)) return type;
        if (s_functions.TryGetValue(name, out var function)) return function;
        if (InertNames.Has(name))
        {
            Ignored.Add(name);
            return new PickledPlaceholder(name);
        }

        if (name.StartsWith(Module, StringComparison.Ordinal) && !name.Contains(".torch.classes.", StringComparison.Ordinal)) return new PickledName(name);
        if (IsQuantized(name) || IsOtherType(name)) throw Refused(name);
        _others.TryAdd(name, 0);
        return new PickledName(name);
    }

    /// <summary>
    /// Refuses names that are not known, unless the file has modules whose tensors are read. Beside those, objects of other classes and names of PyTorch's
    /// own functions may stand in a module's attributes: they are left out, and nothing of them is called.
    /// </summary>
    public void Finish()
    {
        var hasModules = _others.Values.Any(count => count > 0);
        foreach (var (name, count) in _others)
        {
            if (count > 0) continue;
            if (!hasModules || !(_made.Contains(name) || name.StartsWith("torch.nn.", StringComparison.Ordinal) || name.StartsWith("torch._C._nn.", StringComparison.Ordinal))) throw Refused(name);
            Ignored.Add(name);
        }

        // A module has sets of names, which are of no interest, and in old versions of PyTorch the functions of its kind.
        if (hasModules) Ignored.ExceptWith(["builtins.set", "__builtin__.set", "torch.nn.backends.thnn._get_thnn_function_backend"]);
    }

    /// <summary>What a persistent id stands for: a storage ('storage', type, key, device, number of elements), or a class.</summary>
    public object Persistent(object? id)
    {
        // Before version 1.6 the class of a module came with its source: ('module', class, file, source).
        if (id is object?[] and ["module", PickledName known, string or null, string or null]) return known;
        // Before version 1.6 there is a sixth part: which part of another storage it is.
        if (id is not object?[] parts || parts is not ["storage", var type, string key, _, long count, .. var more] || (type is not StoredType && type != (object)s_untyped) || count is < 0 or > long.MaxValue / 8) throw bytes.Damaged("a storage has no type, key and length");
        if (more is not ([] or [null])) throw bytes.Damaged($"the storage '{key}' is a part of another, which is not read");
        var storage = new TorchStorage(type as StoredType?, key, count);
        Storages.TryAdd(key, storage);
        return storage;
    }

    /// <summary>Calls a function.</summary>
    public object? Call(object? function, object?[] arguments) => ((function as PickledName)?.Name, arguments) switch
    {
        _ when function is PickledPlaceholder => function,
        ("torch._utils._rebuild_parameter_with_state", [TorchTensor tensor, _, _, _]) => tensor,
        ("collections.OrderedDict", []) => new PickledDict(),
        ("collections.OrderedDict", [List<object?> pairs]) => Dict(pairs),
        ("torch._utils._rebuild_tensor", [TorchStorage storage, long offset, object?[] shape, object?[] strides]) => Tensor(storage, storage.Type, offset, shape, strides),
        ("torch._utils._rebuild_tensor_v2", [TorchStorage storage, long offset, object?[] shape, object?[] strides, bool, _, .. var more]) when IsPlain(more) => Tensor(storage, storage.Type, offset, shape, strides),
        ("torch._utils._rebuild_tensor_v3", [TorchStorage storage, long offset, object?[] shape, object?[] strides, bool, _, StoredType type, .. var more]) when IsPlain(more) => Tensor(storage, type, offset, shape, strides),
        ("torch._utils._rebuild_parameter", [TorchTensor tensor, _, _]) => tensor,
        // Before version 0.4.
        ("torch.nn.parameter.Parameter", [TorchTensor tensor, ..]) => tensor,
        ("torch.Size", [object?[] sizes]) => sizes,
        ("torch.device", [string device, ..]) => device,
        ("torch.jit._pickle.restore_type_tag", [var value, string]) => value,
        ("torch.jit._pickle.build_intlist" or "torch.jit._pickle.build_doublelist" or "torch.jit._pickle.build_boollist" or "torch.jit._pickle.build_tensorlist", [List<object?> list]) => list,
        ({ Length: > 0 } name, _) when _others.ContainsKey(name) => throw Refused(name),
        ({ Length: > 0 } name, _) when !name.StartsWith(Module, StringComparison.Ordinal) => throw bytes.Damaged($"{name} has other arguments than PyTorch gives it"),
        _ => throw bytes.Damaged("a value that is no function is called"),
    };

    /// <summary>Makes an empty module: of TorchScript, or of a class of Python, whose code is not run.</summary>
    public object Make(object? type)
    {
        if (type is PickledPlaceholder placeholder) return new PickledPlaceholder(placeholder.Name);
        if (type == (object)s_dict) return new PickledDict();
        if (type is not PickledName { Name: var name }) throw bytes.Damaged("an object is made of something that is no class");
        if (name.StartsWith(Module, StringComparison.Ordinal)) return new PickledModule(name);
        if (!_others.ContainsKey(name)) throw bytes.Damaged("an object is made of something that is no class");
        var module = new PickledModule(name) { IsWhole = true };
        _made.Add(name);
        return module;
    }

    /// <summary>Sets the attributes of an object. Only those of modules are kept: a state_dict's own are its versions.</summary>
    public void Build(object? of, object? state)
    {
        if (of is PickledModule module && state is PickledDict attributes)
        {
            module.Attributes = attributes;
            if (module.HasParts) _others[module.Class]++;
        }
        else if (of is PickledPlaceholder placeholder && state is PickledDict settings)
        {
            placeholder.Attributes.Items.AddRange(settings.Items);
            // A pickle may not fill many objects from one dict.
            settings.Items.Clear();
        }
        else if (of is not (PickledDict or PickledPlaceholder or PickledModule { IsWhole: true } or TorchTensor))
        {
            throw bytes.Damaged("attributes are set where there are none");
        }
    }

    /// <summary>An exception about a name that is not allowed.</summary>
    public ConversionException Refused(string name)
    {
        const int longest = 200;
        var shown = name.Length > longest ? name[..longest] + "…" : name;
        return new ConversionException(IsQuantized(name)
            ? $"{where}: it holds weights that PyTorch has quantized ('{shown}'), which are not read; save the state_dict of the model before its quantization (seqconvert quantizes with --weights int8)"
            : IsOtherType(name)
            ? $"{where}: it holds tensors of type '{shown}', which are not read; save them as float32 (tensor.float())"
            : $"{where}: its pickle names '{shown}', and only tensors, numbers, texts, lists, dicts and modules are read: code in a file is never run. {WayOut(where)}");
    }

    /// <summary>How weights are saved alone.</summary>
    public static string WayOut(string where)
    {
        var name = Path.GetFileName(where);
        return $"Save the weights alone: python -c \"import torch; m = torch.load('{name}', map_location='cpu', weights_only=False); torch.save(m.state_dict() if hasattr(m, 'state_dict') else m['state_dict'], 'weights.pt')\" (this runs the file's code; another key than 'state_dict' may hold the weights, such as 'model')";
    }

    private static bool IsQuantized(string name) =>
        name.Contains("_rebuild_qtensor", StringComparison.Ordinal) || name.StartsWith("torch.q", StringComparison.Ordinal) || name.StartsWith("torch.Q", StringComparison.Ordinal) || name.StartsWith("torch.per_", StringComparison.Ordinal)
        || name.Contains("quantized", StringComparison.Ordinal) || name.Contains("ScriptObject", StringComparison.Ordinal) || name.Contains(".torch.classes.", StringComparison.Ordinal);

    private static bool IsOtherType(string name) => name.StartsWith("torch.float", StringComparison.Ordinal) || name.StartsWith("torch.uint", StringComparison.Ordinal) || name.StartsWith("torch.complex", StringComparison.Ordinal) || name.StartsWith("torch.Complex", StringComparison.Ordinal);

    /// <summary>Whether a tensor's metadata is empty: others are conjugates and negatives that PyTorch has not computed.</summary>
    private static bool IsPlain(object?[] more) => more is [] or [null] || (more is [PickledDict metadata] && metadata.Items.Count == 0);

    private PickledDict Dict(List<object?> pairs)
    {
        var dict = new PickledDict();
        foreach (var pair in pairs)
        {
            if (pair is not (object?[] or List<object?>)) throw bytes.Damaged("an item of a dict has no key and value");
            var items = (IList<object?>)pair;
            if (items.Count != 2) throw bytes.Damaged("an item of a dict has no key and value");
            dict.Items.Add(new(items[0], items[1]));
        }

        // A pickle may not fill many dicts from one list.
        pairs.Clear();
        return dict;
    }

    private TorchTensor Tensor(TorchStorage storage, StoredType? of, long offset, object?[] shape, object?[] strides)
    {
        if (shape.Length > MaximumRank || strides.Length != shape.Length) throw bytes.Damaged($"a tensor has {shape.Length} dimensions and {strides.Length} strides");
        if (of is not { } type || (storage.Type ?? type) != type) throw bytes.Damaged("a tensor and its storage have different types");
        var sizes = Array.ConvertAll(shape, size => size is long number && number >= 0 && number <= int.MaxValue ? (int)number : throw bytes.Damaged("a tensor has a size that is no number of elements"));
        var steps = Array.ConvertAll(strides, stride => stride is long number && number >= 0 ? number : throw bytes.Damaged("a tensor has a stride that is no number of elements"));
        var held = storage.Type is null ? storage.Count / type.Size() : storage.Count;
        var isEmpty = sizes.Contains(0);
        Int128 last = offset, count = 1;
        for (var axis = 0; axis < sizes.Length && !isEmpty; axis++)
        {
            last += (Int128)(sizes[axis] - 1) * steps[axis];
            count = count > int.MaxValue ? count : count * sizes[axis];
        }

        if (offset < 0 || (!isEmpty && last >= held)) throw bytes.Damaged($"a tensor of shape [{string.Join(", ", sizes)}] with offset {offset} and strides [{string.Join(", ", steps)}] does not fit into its storage of {held} elements");
        if (count > int.MaxValue) throw bytes.Damaged($"a tensor of shape [{string.Join(", ", sizes)}] is too large");
        return new TorchTensor(storage, type, offset, sizes, steps);
    }
}
