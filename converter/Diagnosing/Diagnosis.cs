using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Diagnosing;

/// <summary>Options that a conversion needs besides those that the user gave, and the refusal without them.</summary>
internal sealed record Need(ConversionOptions Before, ConversionOptions After, ConversionException Why)
{
    /// <summary>Whether outputs are left out, with the nodes that cannot be converted.</summary>
    public bool LeavesOut => After.DropOutputs.Count != Before.DropOutputs.Count || After.OnlyOutputs.Count != Before.OnlyOutputs.Count;
}

/// <summary>
/// What is in the files, whether they convert, and how. It is told by converting in memory. If that is refused and the refusal names options that
/// avoid it, they are added and the conversion is tried again.
/// </summary>
internal sealed class Diagnosis
{
    /// <summary>Limit of refusals that are avoided one after another, each with options of its own.</summary>
    private const int MostNeeds = 4;

    private readonly List<Need> _needs = [];

    private Diagnosis(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options)
    {
        var files = new SourceFiles(options.AllowedFolders);
        Sources = [.. sources.Select(source => SourceDiagnosis.Of(source.Graph, source.Path, options, files))];
        Options = options;
    }

    public IReadOnlyList<SourceDiagnosis> Sources { get; }

    /// <summary>The options with which the files convert, or with which the last trial was refused.</summary>
    public ConversionOptions Options { get; private set; }

    /// <summary>What was added to the user's options, in order.</summary>
    public IReadOnlyList<Need> Needs => _needs;

    /// <summary>Why the files do not convert. Null if they do.</summary>
    public ConversionException? Refusal { get; private set; }

    /// <summary>The model before its weights are stored. Null if it is refused.</summary>
    public PreparedModel? Prepared { get; private set; }

    /// <summary>The result with the options' weights. Null if it is refused.</summary>
    public ConversionResult? Converted { get; private set; }

    /// <summary>The nodes that cannot be converted. Those of a branch that is not taken, or that other options make possible, do not count.</summary>
    public IEnumerable<Unsupported> Unsupported => _needs.Where(n => n.LeavesOut).Select(n => n.Why).Append(Refusal).SelectMany(fault => Cause.Of<UnsupportedException>(fault)?.Nodes ?? []);

    /// <exception cref="ConversionException">A file cannot be read at all.</exception>
    public static Diagnosis Of(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        var diagnosis = new Diagnosis(sources, options);
        while (!diagnosis.Converts(sources, progress) && diagnosis._needs.Count < MostNeeds && diagnosis.Way(sources) is { } way)
        {
            diagnosis._needs.Add(new Need(diagnosis.Options, way, diagnosis.Refusal!));
            diagnosis.Options = way;
        }

        return diagnosis;
    }

    private bool Converts(IReadOnlyList<(string Graph, string Path)> sources, IProgress<ConversionProgress>? progress)
    {
        try
        {
            var prepared = Conversion.Prepare(sources, Options, progress);
            Converted = Conversion.Store(prepared.Copy(), Options, progress);
            (Prepared, Refusal) = (prepared, null);
            return true;
        }
        catch (ConversionException fault)
        {
            Refusal = fault;
            return false;
        }
    }

    /// <summary>Options that avoid the refusal. Null if none are known.</summary>
    private ConversionOptions? Way(IReadOnlyList<(string Graph, string Path)> sources)
    {
        if (Cause.Of<AvoidableException>(Refusal) is { } avoidable) return avoidable.Way;
        if (WithoutUnsupported() is { } some) return some;
        var plain = Options with { AutoStates = false };
        return Options.AutoStates && Sources.Any(source => source.Graphs.Count > 0) && IsPrepared(sources, plain) ? plain : null;
    }

    /// <summary>Leaves out the outputs that need an operator that is not supported. There may be another refusal after that. Null if no output of a graph is left, or if there are none to leave out.</summary>
    private ConversionOptions? WithoutUnsupported()
    {
        var names = Sources.SelectMany(s => s.Graphs).SelectMany(OutputChoice.Unsupported).Except(Options.DropOutputs).ToHashSet();
        if (Options.OnlyOutputs.Count > 0) names.IntersectWith(Options.OnlyOutputs);
        var way = Options.OnlyOutputs.Count > 0 ? Options with { OnlyOutputs = [.. Options.OnlyOutputs.Except(names)] } : Options with { DropOutputs = [.. Options.DropOutputs, .. names.Order(StringComparer.Ordinal)] };
        var isLeft = Sources.SelectMany(s => s.Graphs).All(g => g.Outputs.Exists(o => !way.DropOutputs.Contains(o.Name) && !names.Contains(o.Name))) && (Options.OnlyOutputs.Count == 0 || way.OnlyOutputs.Count > 0);
        return names.Count > 0 && isLeft ? way : null;
    }

    /// <summary>If it converts without the search for states, the user must choose among several possible ones.</summary>
    private static bool IsPrepared(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options)
    {
        try
        {
            Conversion.Prepare(sources, options);
            return true;
        }
        catch (ConversionException)
        {
            return false;
        }
    }
}
