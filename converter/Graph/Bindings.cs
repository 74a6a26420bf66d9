using System.Globalization;

namespace SeqRuntime.Converter.Graph;

/// <summary>Options that named something, and whether any graph had it: a name that none has is a mistake to report.</summary>
internal sealed class Unused(ConversionOptions options)
{
    private readonly HashSet<string> _dimensions = [.. options.Dimensions.Keys];
    private readonly HashSet<string> _inputs = [.. options.Sets.Keys, .. options.Constants.Keys];
    private readonly HashSet<string> _states = [.. options.States.Keys];
    private readonly HashSet<string> _known = [];

    public void SeenDimension(string name)
    {
        _dimensions.Remove(name);
        _known.Add(name);
    }

    public void SeenInput(string name)
    {
        _inputs.Remove(name);
        _known.Add(name);
    }

    public void SeenState(string name) => _states.Remove(name);

    public void Mention(string name) => _known.Add(name);

    public void ThrowIfAny()
    {
        if (_dimensions.Count > 0) throw new ConversionException($"--dim {Quoted(_dimensions)}: no graph has such a symbolic dimension; known names are {Names()}.");
        if (_inputs.Count > 0) throw new ConversionException($"--set {Quoted(_inputs)}: no graph has such an input; known names are {Names()}.");
        if (_states.Count > 0) throw new ConversionException($"--state {Quoted(_states)}: no graph has such an input; known names are {Names()}.");
    }

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    private string Names() => string.Join(", ", _known.Order(StringComparer.Ordinal));
}

/// <summary>Fixes dimensions and inputs that the user named.</summary>
internal static class Bindings
{
    public static void Apply(IrGraph graph, ConversionOptions options, Unused unused, string path)
    {
        for (var i = graph.Inputs.Count - 1; i >= 0; i--)
        {
            var port = graph.Inputs[i] = graph.Inputs[i] with { Shape = Fix(graph.Inputs[i].Shape, options, unused) };
            unused.Mention(port.Name);
            if (options.Constants.TryGetValue(port.Name, out var constant)) SetConstant(graph, i, constant, unused);
            else if (options.Sets.TryGetValue(port.Name, out var text)) SetConstant(graph, i, Parse(port, text, path), unused);
            else if (port.Type == 0) throw new ConversionException($"{path}: input '{port.Name}' is not a tensor of a supported element type.");
        }

        for (var i = 0; i < graph.Outputs.Count; i++) graph.Outputs[i] = graph.Outputs[i] with { Shape = Fix(graph.Outputs[i].Shape, options, unused) };
    }

    private static void SetConstant(IrGraph graph, int index, IrTensor tensor, Unused unused)
    {
        unused.SeenInput(graph.Inputs[index].Name);
        graph.Constants[graph.Inputs[index].Value] = tensor;
        graph.Inputs.RemoveAt(index);
    }

    private static IrDim[] Fix(IrDim[] shape, ConversionOptions options, Unused unused) => Array.ConvertAll(shape, dim =>
    {
        if (dim.Symbol is null) return dim;
        unused.Mention(dim.Symbol);
        if (!options.Dimensions.TryGetValue(dim.Symbol, out var size)) return dim;
        unused.SeenDimension(dim.Symbol);
        return size > 0 ? new IrDim(size, null) : throw new ConversionException($"--dim {dim.Symbol}={size}: a size is from 1 to {int.MaxValue}.");
    });

    private static IrTensor Parse(IrPort port, string text, string path)
    {
        var shape = Array.ConvertAll(port.Shape, d => d.Symbol is null ? d.Size : 1);
        var count = shape.Aggregate(1L, (a, b) => a * b);
        if (count > 1 << 20) throw new ConversionException($"{path}: --set {port.Name}: the input has {count} elements; only small inputs can be set to one number.");
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && !TryBool(text, out value))
            throw new ConversionException($"{path}: --set {port.Name}={text}: '{text}' is not a number, true or false.");
        if (port.Type is not (ElementType.Float32 or ElementType.Float64) && value != Math.Floor(value))
            throw new ConversionException($"{path}: --set {port.Name}={text}: the input holds integers.");
        IrTensor Fill<T>(T one)
            where T : unmanaged
        {
            var all = new T[count];
            Array.Fill(all, one);
            return IrTensor.Of(shape, all.AsSpan());
        }

        return port.Type switch
        {
            ElementType.Float32 => Fill((float)value),
            ElementType.Float64 => Fill(value),
            ElementType.Int64 => Fill((long)value),
            ElementType.Int32 => Fill((int)value),
            ElementType.Bool => Fill(value != 0),
            ElementType.UInt8 => Fill((byte)value),
            ElementType.Int8 => Fill((sbyte)value),
            _ => throw new ConversionException($"{path}: --set {port.Name}: the input's element type is not supported."),
        };
    }

    private static bool TryBool(string text, out double value)
    {
        var isBool = bool.TryParse(text, out var parsed);
        value = parsed ? 1 : 0;
        return isBool;
    }
}
