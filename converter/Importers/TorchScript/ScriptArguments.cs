namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>The arguments of a call of PyTorch's operators, by place or by name.</summary>
internal sealed class ScriptArguments(string function, IReadOnlyList<object?> given, IReadOnlyDictionary<string, object?> named, ScriptRun run)
{
    public string Function { get; } = function;

    public int Count => given.Count;

    public IReadOnlyDictionary<string, object?> Named => named;

    public object? this[int place, string name] => place < given.Count ? given[place] : named.GetValueOrDefault(name);

    public ScriptTensor Tensor(int place, string name) => this[place, name] as ScriptTensor ?? throw run.Fault($"'{name}' of {Function} is no tensor");

    public ScriptTensor? Maybe(int place, string name) => this[place, name] is { } value ? value as ScriptTensor ?? throw run.Fault($"'{name}' of {Function} is no tensor") : null;

    public long Int(int place, string name, long otherwise) => this[place, name] switch
    {
        null => otherwise,
        long number => number,
        bool truth => truth ? 1 : 0,
        ScriptSize { Number: { } number } => number,
        _ => throw run.Fault($"'{name}' of {Function} is no known number"),
    };

    public double Number(int place, string name, double otherwise) => this[place, name] switch
    {
        null => otherwise,
        long number => number,
        double number => number,
        _ => throw run.Fault($"'{name}' of {Function} is no known number"),
    };

    public bool Flag(int place, string name) => this[place, name] switch
    {
        null => false,
        bool truth => truth,
        _ => throw run.Fault($"'{name}' of {Function} is not true or false"),
    };

    /// <summary>A list of numbers. One number stands for a list of it.</summary>
    public long[] Ints(int place, string name, params long[] otherwise) => this[place, name] switch
    {
        null => otherwise,
        long number => [number],
        IList<object?> list => [.. list.Select(item => item switch
        {
            long number => number,
            ScriptSize { Number: { } number } => number,
            _ => throw run.Fault($"'{name}' of {Function} has an element that is no known number"),
        })],
        _ => throw run.Fault($"'{name}' of {Function} is no list of numbers"),
    };

    public IList<object?> List(int place, string name) => this[place, name] as IList<object?> ?? throw run.Fault($"'{name}' of {Function} is no list");

    public ScriptTensor[] Tensors(int place, string name) => [.. List(place, name).Select(item => item as ScriptTensor ?? throw run.Fault($"'{name}' of {Function} has an element that is no tensor"))];

    /// <summary>An axis from 0.</summary>
    public int Axis(int place, string name, int rank, long otherwise)
    {
        var axis = Int(place, name, otherwise);
        return axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw run.Fault($"{Function} takes axis {axis} of {rank}");
    }
}
