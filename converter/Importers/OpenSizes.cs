namespace SeqRuntime.Converter.Importers;

/// <summary>Names of the open sizes of inputs that have none in the file. The batch is N in all inputs. The time is T; a second input may have another length.</summary>
internal sealed class OpenSizes
{
    private readonly Dictionary<string, string> _symbols = [];

    /// <summary>The name of an input's size along an axis.</summary>
    public string Symbol(string input, int axis)
    {
        if (axis == 0) return "N";
        if (_symbols.Count == 0 || _symbols.ContainsKey(input)) _symbols.TryAdd(input, "T");
        return (_symbols.TryGetValue(input, out var symbol) ? symbol : _symbols[input] = $"T_{input}") + (axis > 1 ? $"_{axis}" : "");
    }
}
