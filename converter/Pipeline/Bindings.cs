using System.Globalization;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Refuses options that name something no graph has, before any other work.</summary>
internal static class OptionNames
{
    /// <param name="graphs">All graphs.</param>
    /// <param name="options">The options.</param>
    /// <param name="taken">Names of --set that a reader has used already.</param>
    public static void Check(IReadOnlyCollection<IrGraph> graphs, ConversionOptions options, IReadOnlyCollection<string> taken)
    {
        var inputs = graphs.SelectMany(g => g.Inputs).ToList();
        var ports = inputs.Concat(graphs.SelectMany(g => g.Outputs)).Concat(graphs.SelectMany(g => g.States, (_, s) => new IrPort(s.Name, s.Value, s.Type, s.Shape)));
        Check("--dim", "symbolic dimension", options.Dimensions.Keys, ports.SelectMany(p => p.Shape).Select(d => d.Symbol).OfType<string>());
        Check("--set", "input", options.Sets.Keys.Concat(options.Constants.Keys), inputs.Select(p => p.Name).Concat(taken));
        Check("--state", "input", options.States.Keys, inputs.Select(p => p.Name));
        var outputs = graphs.SelectMany(g => g.Outputs, (_, o) => o.Name).ToList();
        Check("--drop-output", "output", options.DropOutputs, outputs);
        Check("--only-output", "output", options.OnlyOutputs, outputs);
        if (options.OnlyOutputs.FirstOrDefault(options.DropOutputs.Contains) is { } both) throw new ConversionException($"--only-output {both} keeps the output that --drop-output {both} leaves out: remove one of them.");
    }

    private static void Check(string option, string what, IEnumerable<string> given, IEnumerable<string> known)
    {
        var names = known.ToHashSet();
        if (given.Where(name => !names.Contains(name)).ToList() is not { Count: > 0 } missing) return;
        var have = names.Count == 0 ? "none" : Quoted(names.Order(StringComparer.Ordinal));
        throw new ConversionException($"{option} {Quoted(missing)}: no graph has such {(what[0] is 'i' or 'o' ? "an" : "a")} {what}. Available: {have}.");
    }

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}

/// <summary>Applies the dimensions and inputs that the user fixed.</summary>
internal static class Bindings
{
    public static void Apply(IrGraph graph, ConversionOptions options, string path)
    {
        for (var i = graph.Inputs.Count - 1; i >= 0; i--)
        {
            var port = graph.Inputs[i] = graph.Inputs[i] with { Shape = Fix(graph.Inputs[i].Shape, options) };
            if (options.Constants.TryGetValue(port.Name, out var constant)) SetConstant(graph, i, constant);
            else if (options.Sets.TryGetValue(port.Name, out var text)) Set(graph, i, text, path, options);
            else if (port.Type == 0) throw new ConversionException($"{path}: input '{port.Name}' is not a tensor of a supported element type.");
        }

        graph.Outputs.RemoveAll(o => options.DropOutputs.Contains(o.Name));
        if (OutputChoice.IsMade(graph, options)) graph.Outputs.RemoveAll(o => !OutputChoice.Keeps(o.Name, options) && !options.StateOutputs.Contains(o.Name));
        if (graph.Outputs.Count == 0) throw new ConversionException($"{path}: {(options.DropOutputs.Count > 0 ? $"--drop-output leaves graph '{graph.Name}' without an output" : $"graph '{graph.Name}' has no outputs")}.");
        for (var i = 0; i < graph.Outputs.Count; i++) graph.Outputs[i] = graph.Outputs[i] with { Shape = Fix(graph.Outputs[i].Shape, options) };
        for (var i = 0; i < graph.States.Count; i++) graph.States[i] = graph.States[i] with { Shape = Fix(graph.States[i].Shape, options) };
    }

    /// <summary>Sets an input to one value. An input with a number for each sequence of a batch gets as many as another input has sequences.</summary>
    private static void Set(IrGraph graph, int index, string text, string path, ConversionOptions options)
    {
        var port = graph.Inputs[index];
        var batch = port.Shape.Length > 0 ? port.Shape[0].Symbol : null;
        var like = batch is null || port.Shape.Skip(1).Any(d => d.Size != 1)
            ? null
            : graph.Inputs.Find(other => other != port && other.Shape.Length > 1 && other.Shape[0].Symbol == batch && !options.Sets.ContainsKey(other.Name));
        if (like is null)
        {
            SetConstant(graph, index, Parse(port, text, path));
            return;
        }

        var one = Parse(port with { Shape = Array.ConvertAll(port.Shape, _ => new IrDim(1, null)) }, text, path);
        var x = new Expansion(new IrNode($"--set {port.Name}", "ConstantOfShape", [], []), graph);
        var sequences = x.Add("Gather", [x.Add("Shape", [like.Value]), x.Vector(0)]);
        var shape = x.Add("Concat", [sequences, .. port.Shape.Skip(1).Select(_ => x.Vector(1))], ("axis", 0L));
        x.Into(port.Value, "ConstantOfShape", [shape], ("value", one.Reshaped(1)));
        graph.Nodes.InsertRange(0, x.Nodes);
        graph.Inputs.RemoveAt(index);
    }

    private static void SetConstant(IrGraph graph, int index, IrTensor tensor)
    {
        graph.Constants[graph.Inputs[index].Value] = tensor;
        graph.Inputs.RemoveAt(index);
    }

    private static IrDim[] Fix(IrDim[] shape, ConversionOptions options) => Array.ConvertAll(shape, dim =>
    {
        if (dim.Symbol is null) return dim;
        if (!options.Dimensions.TryGetValue(dim.Symbol, out var size)) return dim;
        return size > 0 ? new IrDim(size, null) : throw new ConversionException($"--dim {dim.Symbol}={size}: the size must be from 1 to {int.MaxValue}.");
    });

    private static IrTensor Parse(IrPort port, string text, string path)
    {
        if (port.Shape.Select(d => d.Symbol).OfType<string>().Distinct().ToList() is { Count: > 0 } open)
            throw new ConversionException($"{path}: --set {port.Name}={text}: the input has shape [{string.Join(", ", port.Shape)}]; --set gives all elements one value, so their number must be fixed: fix {string.Join(" and ", open)} first ({string.Join(" ", open.Select(symbol => $"--dim {symbol}=SIZE"))}).");
        var shape = Array.ConvertAll(port.Shape, d => d.Size);
        var count = shape.Aggregate(1L, (a, b) => a * b);
        if (count > 1 << 20) throw new ConversionException($"{path}: --set {port.Name}: the input has {count} elements; --set takes inputs of up to {1 << 20} elements.");
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && !TryBool(text, out value))
            throw new ConversionException($"{path}: --set {port.Name}={text}: '{text}' is not a number, true or false.");
        if (port.Type is not (ElementType.Float32 or ElementType.Float64) && value != Math.Floor(value))
            throw new ConversionException($"{path}: --set {port.Name}={text}: the input holds integers; give a whole number in its range.");
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
