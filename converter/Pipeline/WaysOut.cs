using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Resolving;
using SeqRuntime.Converter.States;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Adds to a fault the options that avoid it. Each option was tried.</summary>
/// <param name="raw">The graph as it was read.</param>
/// <param name="options">The user's options.</param>
/// <param name="path">The file.</param>
internal sealed class WaysOut(IrGraph raw, ConversionOptions options, string path)
{
    private const int MostValues = 8;
    private const int MostOutputs = 16;
    private static readonly long[] s_values = [1, 2, 3, 5, 8, 16];
    private static readonly HashSet<string> s_comparisons = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"];

    /// <summary>The fault with a suggestion, if one was found.</summary>
    public ConversionException Tell(ConversionException fault)
    {
        if (fault is not (ShapeFault or UnsupportedException)) return fault;
        var message = fault.Message.TrimEnd('.');
        if (Blamed() is { } blame) return new ConversionException($"the shapes do not fit together with {blame.Given}: {message}. {blame.Instead}.", fault);
        if (Settings(fault) is { } setting) return new ConversionException($"{message}. It converts, for example, with {setting}.", fault);
        if (fault is ShapeFault { Settings: { Count: > 0 } inputs }) return new ConversionException($"{message}. A shape must be known at conversion, and no --set that was tried makes it known: export the model with constants instead of {string.Join(", ", inputs.Select(i => $"'{i}'"))}.", fault);
        if (fault is UnsupportedException && Dropped() is { } dropped) return new ConversionException($"{message}. The other outputs convert with {dropped}.", fault);
        return fault;
    }

    /// <summary>The user's sizes and values that do not fit, and others that do.</summary>
    private (string Given, string Instead)? Blamed()
    {
        var dimensions = options.Dimensions.Keys.Select(name => new[] { name }).Append([.. options.Dimensions.Keys]).Where(names => names.Length > 0);
        foreach (var names in dimensions.Distinct())
        {
            var given = string.Join(' ', names.Select(name => $"--dim {name}={options.Dimensions[name]}"));
            var (graph, fault) = Attempt(options with { Dimensions = options.Dimensions.Where(d => !names.Contains(d.Key)).ToDictionary() });
            if (fault is OneSizeFault one) return (given, $"It converts with {one.Options}");
            if (graph is null) continue;
            var sizes = graph.Ranges.Where(r => names.Contains(r.Symbol)).Select(r => $"Sizes of '{r.Symbol}' that fit: {r}").ToList();
            return (given, sizes.Count > 0 ? string.Join(", ", sizes) : "It converts without that option");
        }

        foreach (var name in options.Sets.Keys)
        {
            if (Works(options with { Sets = options.Sets.Where(s => s.Key != name).ToDictionary() })) return ($"--set {name}={options.Sets[name]}", "It converts without that option");
        }

        return null;
    }

    /// <summary>Values for inputs that resolve the fault.</summary>
    private string? Settings(ConversionException fault)
    {
        var names = (fault is ShapeFault shapes ? shapes.Settings : ((UnsupportedException)fault).Settings).Where(name => !options.Sets.ContainsKey(name)).ToList();
        foreach (var inputs in names.Select(name => new List<string> { name }).Append(names).Where(list => list.Count > 0).Take(MostValues))
        {
            var works = Values(inputs).Where(value => Works(With(inputs, value))).Take(2).ToList();
            if (works.Count > 0) return string.Join(" or ", works.Select(value => string.Join(' ', inputs.Select(name => $"--set {name}={value}"))));
            if (names.Count == 1) break;
        }

        return null;
    }

    private ConversionOptions With(List<string> inputs, string value)
    {
        var sets = options.Sets.ToDictionary();
        foreach (var name in inputs) sets[name] = value;
        return options with { Sets = sets };
    }

    /// <summary>Values to try for inputs. Numbers that the model compares with come first; if there are any, only those are tried.</summary>
    private IEnumerable<string> Values(List<string> inputs)
    {
        if (raw.Inputs.Exists(i => inputs.Contains(i.Name) && i.Type == ElementType.Bool)) return ["true", "false"];
        var compared = new List<long>();
        Compared(raw, raw.Constants, compared);
        return compared.Distinct().Take(MostValues).Concat(s_values).Distinct().Select(v => $"{v}");
    }

    private static void Compared(IrGraph graph, Dictionary<string, IrTensor> outer, List<long> values)
    {
        var constants = outer.Concat(graph.Constants.Where(c => !outer.ContainsKey(c.Key))).ToDictionary();
        foreach (var node in graph.Nodes)
        {
            if (node.Op == "Constant" && node.Attributes.GetValueOrDefault("value") is IrTensor value) constants[node.Output(0)] = value;
        }

        foreach (var node in graph.Nodes)
        {
            foreach (var inner in node.Attributes.Values.OfType<IrGraph>()) Compared(inner, constants, values);
            if (!s_comparisons.Contains(node.Op)) continue;
            foreach (var input in node.Inputs)
            {
                if (constants.TryGetValue(input, out var constant) && constant is { Count: 1, Type: ElementType.Int32 or ElementType.Int64 }) values.Add(constant.Integers()[0]);
            }
        }
    }

    /// <summary>The option that drops the outputs without which the others convert.</summary>
    private string? Dropped()
    {
        var outputs = raw.Outputs.ConvertAll(o => o.Name).FindAll(name => !options.DropOutputs.Contains(name));
        if (outputs.Count is < 2 or > MostOutputs) return null;
        var kept = outputs.FindAll(name => Works(Without([.. outputs.Where(o => o != name)])));
        var dropped = outputs.Except(kept).ToList();
        return kept.Count > 0 && dropped.Count > 0 && Works(Without(dropped)) ? string.Join(' ', dropped.Select(name => $"--drop-output {name}")) : null;
    }

    private ConversionOptions Without(List<string> outputs) => options with { DropOutputs = [.. options.DropOutputs, .. outputs] };

    /// <summary>Whether the graph converts with these options and keeps outputs.</summary>
    private bool Works(ConversionOptions other) => Attempt(other).Graph is { } graph && graph.Outputs.TrueForAll(o => !graph.ShapeOf(o.Value).Sizes.Contains(0));

    private (IrGraph? Graph, ConversionException? Fault) Attempt(ConversionOptions other)
    {
        var graph = raw.Copy();
        try
        {
            Bindings.Apply(graph, other, path);
            new StatePairing(graph, []).Apply(graph, other);
            return (SizeProbes.Resolve(graph, [], advises: false), null);
        }
        catch (ConversionException fault)
        {
            return (null, fault);
        }
    }
}
