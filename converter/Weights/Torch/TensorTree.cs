using System.Globalization;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>Finds the tensors in the containers of a checkpoint. A tensor's name is its path with dots: the keys of dicts, the places in lists.</summary>
internal sealed class TensorTree
{
    /// <summary>Limits above those of any checkpoint. A pickle can hold one container in many places, and in itself.</summary>
    private const int MostValues = 4_000_000;
    private const int MostTensors = 65536;
    private const int LongestName = 256;
    private const int MaxDepth = 64;
    private const int MostSettings = 4096;
    private const int LongestSetting = 64;

    /// <summary>TorchScript's second list of a layer's weights.</summary>
    private const string Repeated = "_flat_weights";

    private static readonly string[] s_parts = ["_parameters", "_buffers", "_modules"];

    private readonly Dictionary<string, TorchTensor> _tensors = new(StringComparer.Ordinal);
    private readonly string _where;
    private int _values;

    private TensorTree(string where) => _where = where;

    private List<WholeModule> Modules { get; } = [];

    private List<(string Path, string Json)> Settings { get; } = [];

    /// <summary>The tensors by name, the whole modules, and the numbers, texts and truths beside them, in the file's order.</summary>
    /// <param name="root">The value of the pickle.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">There are none, two have one name, or a limit is exceeded.</exception>
    public static (Dictionary<string, TorchTensor> Tensors, List<WholeModule> Modules, List<(string Path, string Json)> Settings) Find(object? root, string where)
    {
        var tree = new TensorTree(where);
        if (root is TorchTensor) throw new ConversionException($"{where}: it holds one tensor without a name; save a dict of tensors: torch.save({{'weight': tensor}}, …)");
        tree.Walk(root, "", 0);
        return tree._tensors.Count > 0 ? (tree._tensors, tree.Modules, tree.Settings) : throw new ConversionException($"{where}: it holds no tensors; save the weights with torch.save(model.state_dict(), …)");
    }

    private void Walk(object? value, string path, int depth)
    {
        if (depth > MaxDepth) throw Fault($"its containers are nested more than {MaxDepth} levels deep");
        switch (value)
        {
            case TorchTensor tensor:
                if (_tensors.Count == MostTensors) throw Fault($"it holds more than {MostTensors} tensors");
                if (!_tensors.TryAdd(path, tensor)) throw Fault($"two tensors are named '{path}'");
                break;
            case PickledDict dict: Walk(dict, path, depth); break;
            case PickledModule { IsWhole: true } module:
                // As in its state_dict: other attributes, such as a recurrent layer's second list of its weights, are not in it.
                if (!module.HasParts) break;
                Modules.Add(new WholeModule(path, module));
                if (!module.Class.StartsWith("torch.", StringComparison.Ordinal)) Set(module.Attributes, path);
                foreach (var part in s_parts) Walk(module[part] as PickledDict ?? new PickledDict(), path, depth);
                break;
            case PickledPlaceholder placeholder: Set(placeholder.Attributes, path); break;
            case PickledModule module: Walk(module.Attributes, path, depth); break;
            case IList<object?> list:
                for (var i = 0; i < list.Count; i++)
                {
                    Count();
                    if (IsInner(list[i])) Walk(list[i], Join(path, i.ToString(CultureInfo.InvariantCulture)), depth + 1);
                }

                break;
        }
    }

    private void Walk(PickledDict dict, string path, int depth)
    {
        var last = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in dict.Items)
        {
            Count();
            var name = key as string ?? (key is long number ? number.ToString(CultureInfo.InvariantCulture) : null);
            if (name is not null) last[name] = value;
            else if (IsInner(value)) Walk(value, Join(path, "(key)"), depth + 1);
        }

        Set(dict, path);
        foreach (var (name, value) in last)
        {
            if (name.StartsWith("_packed_params", StringComparison.Ordinal) || name.Contains("._packed_params", StringComparison.Ordinal))
                throw Fault($"it holds weights that PyTorch has quantized ('{Join(path, name)}'), which are not read; save the state_dict of the model before its quantization (seqconvert quantizes with --weights int8)");
            if (value is PickledPlaceholder placeholder && path.Length + name.Length < LongestName) Set(placeholder.Attributes, Join(path, name));
            if (IsInner(value) && name != Repeated) Walk(value, Join(path, name), depth + 1);
        }
    }

    private static bool IsInner(object? value) => value is TorchTensor or PickledDict or PickledModule or IList<object?>;

    /// <summary>Keeps the numbers, texts and truths of a dict: they may tell the heads of attention, for example.</summary>
    private void Set(PickledDict dict, string path)
    {
        foreach (var (key, value) in dict.Items)
        {
            Count();
            if (key is not string name || Settings.Count == MostSettings) continue;
            var json = value switch
            {
                bool truth => truth ? "true" : "false",
                long number => number.ToString(CultureInfo.InvariantCulture),
                double number when double.IsFinite(number) => number.ToString("R", CultureInfo.InvariantCulture),
                string { Length: <= LongestSetting } text => $"\"{text}\"",
                _ => null,
            };
            if (json is not null && path.Length + name.Length < LongestName) Settings.Add((Join(path, name), json));
        }
    }

    private string Join(string path, string name)
    {
        var joined = path.Length == 0 ? name : $"{path}.{name}";
        return joined.Length <= LongestName ? joined : throw Fault($"a name has more than {LongestName} characters");
    }

    private void Count()
    {
        if (++_values > MostValues) throw Fault($"it holds more than {MostValues} values");
    }

    private ConversionException Fault(string what) => new($"{_where}: {what}{(what.Contains("; ", StringComparison.Ordinal) ? "" : "; save the weights alone with torch.save(model.state_dict(), …)")}");
}
