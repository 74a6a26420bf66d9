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
    private const int MostNamed = 6;
    private static readonly long[] s_values = [1, 2, 3, 5, 8, 16];
    private static readonly HashSet<string> s_comparisons = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"];

    /// <summary>The fault with a suggestion, if one was found.</summary>
    public ConversionException Tell(ConversionException fault)
    {
        if (fault is FixedSizeFault { Sizes: var sizes }) return new AvoidableException(fault.Message, Fixing(options, sizes), fault);
        if (fault is not (ShapeFault or UnsupportedException)) return fault;
        var message = fault.Message.TrimEnd('.');
        if (Blamed() is { } blame) return new AvoidableException($"the shapes do not fit together with {blame.Given}: {message}. {blame.Instead}.", blame.Way, fault);
        if (Settings(fault) is { } setting) return new AvoidableException($"{message}. It converts, for example, with {setting.Options}.", setting.Way, fault);
        if (fault is ShapeFault { Settings: { Count: > 0 } inputs }) return new ConversionException($"{message}. A shape must be known at conversion, and no --set that was tried makes it known: export the model with constants instead of {string.Join(", ", inputs.Select(i => $"'{i}'"))}.", fault);
        if (fault is UnsupportedException && Dropped() is { } dropped) return new AvoidableException($"{message}. {dropped.Kept} with {dropped.Options}.", dropped.Way, fault);
        return fault;
    }

    /// <summary>The outputs besides those of --only-output that convert together with them. One of them may be the next content of a state.</summary>
    public IReadOnlyList<string> StateOutputs()
    {
        if (!OutputChoice.IsMade(raw, options) || raw.Inputs.Count < 2) return [];
        var kept = Wanted().FindAll(name => OutputChoice.Keeps(name, options));
        return Wanted().Except(kept).ToList() is { Count: > 0 } others ? Convertible(kept, others) ?? [] : [];
    }

    /// <summary>The user's sizes and values that do not fit, and others that do.</summary>
    private (string Given, string Instead, ConversionOptions Way)? Blamed()
    {
        var dimensions = options.Dimensions.Keys.Select(name => new[] { name }).Append([.. options.Dimensions.Keys]).Where(names => names.Length > 0);
        foreach (var names in dimensions.Distinct())
        {
            var given = string.Join(' ', names.Select(name => $"--dim {name}={options.Dimensions[name]}"));
            var open = options with { Dimensions = options.Dimensions.Where(d => !names.Contains(d.Key)).ToDictionary() };
            var (graph, fault) = Attempt(open);
            if (fault is FixedSizeFault one) return (given, $"It converts with {one.Options}", Fixing(open, one.Sizes));
            if (graph is null) continue;
            var sizes = graph.Ranges.Where(r => names.Contains(r.Symbol)).Select(r => $"Sizes of '{r.Symbol}' that fit: {r}").ToList();
            return (given, sizes.Count > 0 ? string.Join(", ", sizes) : "It converts without that option", open);
        }

        foreach (var name in options.Sets.Keys)
        {
            var unset = options with { Sets = options.Sets.Where(s => s.Key != name).ToDictionary() };
            if (Works(unset)) return ($"--set {name}={options.Sets[name]}", "It converts without that option", unset);
        }

        return null;
    }

    private static ConversionOptions Fixing(ConversionOptions options, IReadOnlyDictionary<string, int> sizes)
    {
        var dimensions = options.Dimensions.ToDictionary();
        foreach (var (symbol, size) in sizes) dimensions[symbol] = size;
        return options with { Dimensions = dimensions };
    }

    /// <summary>Values for inputs that resolve the fault.</summary>
    private (string Options, ConversionOptions Way)? Settings(ConversionException fault)
    {
        var names = (fault is ShapeFault shapes ? shapes.Settings : ((UnsupportedException)fault).Settings).Where(name => !options.Sets.ContainsKey(name)).ToList();
        foreach (var inputs in names.Select(name => new List<string> { name }).Append(names).Where(list => list.Count > 0).Take(MostValues))
        {
            var works = Values(inputs).Where(value => Works(With(inputs, value))).Take(2).ToList();
            if (works.Count > 0) return (string.Join(" or ", works.Select(value => string.Join(' ', inputs.Select(name => $"--set {name}={value}")))), With(inputs, works[0]));
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

    /// <summary>The options that leave out the outputs without which the others convert.</summary>
    private (string Kept, string Options, ConversionOptions Way)? Dropped()
    {
        var outputs = Wanted().FindAll(name => !OutputChoice.IsMade(raw, options) || OutputChoice.Keeps(name, options));
        if (outputs.Count < 2 || Convertible([], outputs) is not { Count: > 0 } kept || kept.Count == outputs.Count) return null;
        var dropped = outputs.Except(kept).ToList();
        var way = OutputChoice.IsMade(raw, options) ? options with { OnlyOutputs = [.. options.OnlyOutputs.Except(dropped)] } : options with { DropOutputs = [.. options.DropOutputs, .. dropped] };
        var names = string.Join(", ", kept.Take(MostNamed).Select(name => $"'{name}'")) + (kept.Count > MostNamed ? $" and {kept.Count - MostNamed} more" : "");
        return (kept.Count == 1 ? $"Output {names} converts" : $"Outputs {names} convert", way.OnlyOutputs.Count > 0 ? Repeated("--only-output", way.OnlyOutputs) : Repeated("--drop-output", dropped), way);
    }

    private static string Repeated(string option, IEnumerable<string> names) => string.Join(' ', names.Select(name => $"{option} {name}"));

    /// <summary>The outputs that are not dropped.</summary>
    private List<string> Wanted() => raw.Outputs.ConvertAll(o => o.Name).FindAll(name => !options.DropOutputs.Contains(name));

    /// <summary>Those of some outputs that convert together with others. Null if they convert one by one only, or are too many to try.</summary>
    private List<string>? Convertible(List<string> needed, List<string> outputs)
    {
        bool Fit(List<string> some) => Works(options with { OnlyOutputs = [.. needed, .. some] });
        if (needed.Count > 0 && Fit(outputs)) return outputs;
        var spoiled = OutputChoice.Unsupported(raw);
        var sound = outputs.FindAll(name => !spoiled.Contains(name));
        if (sound.Count > 0 && sound.Count < outputs.Count && Fit(sound)) return sound;
        if (outputs.Count > MostOutputs) return null;
        var kept = outputs.FindAll(name => Fit([name]));
        return kept.Count == 0 || Fit(kept) ? kept : null;
    }

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
