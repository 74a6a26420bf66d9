using System.Globalization;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>What a whole module of a file tells beside its tensors: its class and its settings. Its code is not in the file.</summary>
/// <param name="path">Its name.</param>
/// <param name="module">The object.</param>
internal sealed class WholeModule(string path, PickledModule module)
{
    private const string PyTorch = "torch.nn.";

    public string Path { get; } = path;

    /// <summary>Its class in PyTorch, such as Embedding. Null if it is another's.</summary>
    public string? Class => module.Class.StartsWith(PyTorch, StringComparison.Ordinal) ? Last(module.Class) : null;

    /// <summary>Whether it has parameters, buffers or inner modules.</summary>
    public bool HasParts => Parts("_parameters") || Parts("_buffers") || Parts("_modules");

    /// <summary>A setting as JSON: a number, true or false, or a list of whole numbers, of which one alone or all the same are a number. Null if it is something else.</summary>
    public string? this[string name] => module[name] switch
    {
        bool truth => truth ? "true" : "false",
        long number => Number(number),
        double number when double.IsFinite(number) => number.ToString("R", CultureInfo.InvariantCulture),
        object?[] { Length: > 0 } list when list.All(item => item is long) => list.Distinct().Count() == 1 ? Number((long)list[0]!) : $"[{string.Join(", ", list.Select(item => Number((long)item!)))}]",
        _ => null,
    };

    /// <summary>A setting that is a text, or the name of a function without its modules. Null if it is something else.</summary>
    public string? Text(string name) => module[name] switch
    {
        string text => text,
        PickledName { Name: var function } => Last(function),
        _ => null,
    };

    /// <summary>An inner module. Null if there is none.</summary>
    public WholeModule? Inner(string name) => module["_modules"] is PickledDict inner && inner.Items.LastOrDefault(item => name.Equals(item.Key)).Value is PickledModule found ? new WholeModule($"{Path}.{name}", found) : null;

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];

    private bool Parts(string name) => module[name] is PickledDict parts && parts.Items.Exists(item => item.Value is not null);
}
