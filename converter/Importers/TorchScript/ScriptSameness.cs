using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>Whether two calls compute the same: the same nodes in the same order, between the same inputs and results.</summary>
internal static class ScriptSameness
{
    public static bool Of(ScriptCall a, ScriptCall b)
    {
        try
        {
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            if (a.Given.Count > b.Given.Count) return false;
            foreach (var (x, y) in a.Given.Zip(b.Given)) names[x.Value!] = y.Value!;
            foreach (var (buffer, tensor) in a.Run.Buffers) names[tensor.Value!] = b.Run.Buffers.GetValueOrDefault(buffer)?.Value ?? "";
            string[] first = [.. Results(a)], second = [.. Results(b)];
            return Same(a.Composer.Graph, b.Composer.Graph, a.Composer.Graph, b.Composer.Graph, names) && first.Length == second.Length && first.Zip(second).All(pair => Same(pair.First, pair.Second, a.Composer.Graph, b.Composer.Graph, names));
        }
        catch (ConversionException)
        {
            return false;
        }
    }

    /// <summary>All that a call leaves: its results, and what it sets.</summary>
    private static IEnumerable<string> Results(ScriptCall call) =>
        ScriptInputs.In(call.Result).Concat(call.Run.Attributes.OrderBy(pair => pair.Key.Name, StringComparer.Ordinal).SelectMany(pair => ScriptInputs.In(pair.Value)))
            .Concat(call.Run.Written.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)).Select(call.Run.Use);

    private static bool Same(IrGraph a, IrGraph b, IrGraph wholeA, IrGraph wholeB, Dictionary<string, string> names)
    {
        if (a.Nodes.Count != b.Nodes.Count || a.Inputs.Count != b.Inputs.Count || a.Outputs.Count != b.Outputs.Count) return false;
        foreach (var (x, y) in a.Inputs.Zip(b.Inputs)) names[x.Value] = y.Value;
        foreach (var (x, y) in a.Nodes.Zip(b.Nodes))
        {
            if (x.Op != y.Op || x.Inputs.Count != y.Inputs.Count || x.Outputs.Count != y.Outputs.Count || x.Attributes.Count != y.Attributes.Count) return false;
            if (!x.Inputs.Zip(y.Inputs).All(pair => Same(pair.First, pair.Second, wholeA, wholeB, names))) return false;
            foreach (var (key, value) in x.Attributes)
            {
                if (!y.Attributes.TryGetValue(key, out var other) || !Same(value, other, wholeA, wholeB, names)) return false;
            }

            foreach (var (p, q) in x.Outputs.Zip(y.Outputs)) names[p] = q;
        }

        return a.Outputs.Zip(b.Outputs).All(pair => Same(pair.First.Value, pair.Second.Value, wholeA, wholeB, names));
    }

    private static bool Same(object a, object b, IrGraph wholeA, IrGraph wholeB, Dictionary<string, string> names) => (a, b) switch
    {
        (IrGraph x, IrGraph y) => Same(x, y, wholeA, wholeB, names),
        (IrTensor x, IrTensor y) => Same(x, y),
        (long[] x, long[] y) => x.AsSpan().SequenceEqual(y),
        (float[] x, float[] y) => x.AsSpan().SequenceEqual(y),
        (string[] x, string[] y) => x.AsSpan().SequenceEqual(y),
        _ => a.Equals(b),
    };

    private static bool Same(string a, string b, IrGraph wholeA, IrGraph wholeB, Dictionary<string, string> names)
    {
        if (wholeA.ConstantOf(a) is { } x) return wholeB.ConstantOf(b) is { } y && Same(x, y);
        return a.Length == 0 ? b.Length == 0 : names.TryGetValue(a, out var other) && other == b;
    }

    private static bool Same(IrTensor a, IrTensor b) => a.Type == b.Type && a.Shape.AsSpan().SequenceEqual(b.Shape) && a.Data.SequenceEqual(b.Data);
}
