namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Names as users know them, and notes on what the file stores in integers.</summary>
internal sealed class TfliteNotes
{
    private const string Serving = "serving_default_";

    private const int MostNamed = 5;

    /// <summary>The longest name. Every node repeats its name.</summary>
    private const int Longest = 256;

    private readonly HashSet<string> _weights = [];
    private readonly HashSet<string> _widened = [];
    private readonly HashSet<string> _values = [];
    private readonly List<string> _ports = [];

    /// <summary>A tensor's name without what the converter of TensorFlow adds: the names of fused operators, a signature's prefix, and the number of an output.</summary>
    public static string Clean(string name, string otherwise)
    {
        var parts = name.Split(';', StringSplitOptions.RemoveEmptyEntries);
        var part = Array.Find(parts, p => p.Contains('/', StringComparison.Ordinal)) ?? parts.FirstOrDefault() ?? "";
        if (part.StartsWith(Serving, StringComparison.Ordinal)) part = part[Serving.Length..];
        var colon = part.LastIndexOf(':');
        if (colon > 0 && part[(colon + 1)..].All(char.IsAsciiDigit)) part = part[..colon];
        part = part.Replace('~', '-').Trim();
        if (part.Length > Longest) part = part[..Longest];
        return part.Length > 0 ? part : otherwise;
    }

    /// <summary>Names of weights that are whole steps from -127 to 127.</summary>
    public HashSet<string> Stepped { get; } = [];

    /// <summary>Counts a constant that is stored in integers.</summary>
    public void Constant(TfliteTensor tensor, string name)
    {
        if (tensor is not { Steps: { } steps, Rank: > 1 }) return;
        _weights.Add(tensor.Name);
        var isStepped = tensor.Type is TfliteType.Int8 or TfliteType.Int4 && Array.TrueForAll(steps.Zeros, zero => zero == 0) && (tensor.Type == TfliteType.Int4 || !tensor.Data.Span.Contains(unchecked((byte)sbyte.MinValue)));
        if (isStepped) Stepped.Add(name);
        else _widened.Add(name);
    }

    /// <summary>Counts a value that the file computes in integers.</summary>
    public void Value(TfliteTensor tensor)
    {
        if (tensor.Steps is not null) _values.Add(tensor.Name);
    }

    /// <summary>Says what an input or output holds that is integers in the file.</summary>
    public void Port(string kind, string name, TfliteTensor tensor)
    {
        if (tensor.Steps is not { } steps) return;
        var zero = steps.Zero(0);
        _ports.Add($"{kind} '{name}' is float32 here; in the file it is {TfliteConstants.NameOf(tensor.Type)}, and stands for {steps.Scale(0).ToString(System.Globalization.CultureInfo.InvariantCulture)} · {(zero == 0 ? "q" : zero < 0 ? $"(q + {-zero})" : $"(q - {zero})")}");
    }

    public IEnumerable<string> All(string graph)
    {
        if (_weights.Count > 0) yield return $"{graph}: {_weights.Count} weights are stored in integers in the file and are read as the numbers that they stand for; --weights int8 keeps their steps and scales{(_widened.Count == 0 ? "" : $", but rounds those with zero points or more than 127 steps: {string.Join(", ", _widened.Take(MostNamed).Select(name => $"'{name}'"))}{(_widened.Count > MostNamed ? $" and {_widened.Count - MostNamed} more" : "")}")}";
        if (_values.Count > 0) yield return $"{graph}: {_values.Count} values that the file rounds to integers are computed in float32 here, so results may differ from TensorFlow Lite's by steps of their scales";
        foreach (var port in _ports) yield return port;
    }
}
