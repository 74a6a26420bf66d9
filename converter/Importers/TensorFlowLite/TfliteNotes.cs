namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Names as users know them, and notes on what the file stores in integers.</summary>
internal sealed class TfliteNotes
{
    private const string Serving = "serving_default_";

    private readonly HashSet<string> _weights = [];
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
        return part.Length > 0 ? part : otherwise;
    }

    /// <summary>Counts a constant that is stored in integers.</summary>
    public void Constant(TfliteTensor tensor)
    {
        if (tensor is { Steps: not null, Rank: > 1 }) _weights.Add(tensor.Name);
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
        if (_weights.Count > 0) yield return $"{graph}: {_weights.Count} weights are stored in 8 or fewer bits in the file and are read as the numbers that they stand for; --weights chooses how they are stored here";
        if (_values.Count > 0) yield return $"{graph}: {_values.Count} values that the file rounds to integers are computed in float32 here, so results may differ from TensorFlow Lite's by steps of their scales";
        foreach (var port in _ports) yield return port;
    }
}
