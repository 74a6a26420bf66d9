using System.Text;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>A description of a weight file's layers, drafted from the names and shapes of its tensors.</summary>
/// <param name="Text">The description: JSON with comments.</param>
/// <param name="Tensors">The tensors, but for those of training.</param>
/// <param name="Modules">The modules that they are.</param>
/// <param name="Questions">What the draft asks. Without questions it converts as it is.</param>
/// <param name="Guesses">What it assumes.</param>
/// <param name="Unplaced">Tensors that it does not use.</param>
/// <param name="Skipped">The number of tensors of training.</param>
internal sealed record Draft(string Text, IReadOnlyList<TensorRole> Tensors, IReadOnlyList<Module> Modules, IReadOnlyList<string> Questions, IReadOnlyList<string> Guesses, IReadOnlyList<string> Unplaced, int Skipped)
{
    private const int MostGraphs = 16;

    /// <param name="weights">The tensors.</param>
    /// <param name="file">The weight file, or several, as the description names them: JSON.</param>
    /// <param name="what">What the file is, for the head of the draft.</param>
    /// <param name="options">How the draft is written.</param>
    public static Draft Of(WeightSet weights, string file, string what, DraftOptions options)
    {
        var all = new List<TensorRole>();
        var (unplaced, skipped) = (new List<string>(), 0);
        foreach (var tensor in weights.Tensors)
        {
            if (UnusedWeights.KindOf(tensor.Name).Length > 0) skipped++;
            else if (Shape(tensor) is not { } shape) unplaced.Add($"{tensor.Name} (not an array of numbers)");
            else all.Add(TensorRole.Of(tensor, shape));
        }

        if (weights.Ignored.Count > 0) unplaced.Add($"objects of {string.Join(", ", weights.Ignored)}");
        var isSorted = !weights.IsInOrder && weights.Layers is null && (weights.IsKeras || IsSorted([.. all.Select(tensor => tensor.Tensor.Name)]));
        if (isSorted) all.Sort((a, b) => Natural(a.Tensor.Name, b.Tensor.Name));
        var modules = Scaffolding.Modules.Of(all);
        modules = Told(modules, weights.Modules);
        if (weights.Layers is { } layers) modules = [.. modules.OrderBy(module => layers.Index().FirstOrDefault(layer => layer.Item == module.Path || module.Path.StartsWith(layer.Item + "/", StringComparison.Ordinal), (Index: int.MaxValue, Item: "")).Index)];
        modules = Placed(modules);
        unplaced.AddRange(modules.Where(module => module.Kind == ModuleKind.Other && !module.IsMissed).SelectMany(module => module.Tensors).Select(tensor => $"{tensor.Tensor.Name} [{string.Join(", ", tensor.Shape)}]"));
        var placed = modules.Where(module => module.Kind != ModuleKind.Other).ToList();
        var missed = modules.Where(module => module.IsMissed).ToList();
        options = options with { IsKeras = weights.IsKeras };
        options.Settings.Add("the checkpoint", weights.Settings);
        List<DraftGraph> graphs;
        string? decoding = null;
        var guesses = options.Hint is { } hint ? new List<string> { hint } : [];
        if (TransformerDraft.Write(all, options) is var (transformer, spoken, read))
        {
            (graphs, decoding) = ([transformer], spoken);
            unplaced = [.. all.Where(tensor => !read.Contains(tensor.Tensor.Name)).Select(tensor => $"{tensor.Tensor.Name} [{string.Join(", ", tensor.Shape)}]"), .. unplaced.Where(name => name.StartsWith("objects of ", StringComparison.Ordinal))];
        }
        else if (missed.Count == 0 && PairDraft.Write(modules, options) is var (pair, roles, used))
        {
            (graphs, decoding) = (pair, roles);
            unplaced.RemoveAll(name => used.Any(module => module.Tensors.Any(tensor => name.StartsWith(tensor.Tensor.Name + " [", StringComparison.Ordinal))));
        }
        else if (missed.Count == 0 && StepDraft.Write(modules, options) is { } step)
        {
            graphs = [step];
        }
        else
        {
            var (chains, how) = placed.Count > 0 ? Chains.Of(placed, !isSorted) : ([], "");
            if (how.Length > 0) guesses.Add(how);
            Insert(chains, modules);
            if (chains.Count > MostGraphs) throw new ConversionException($"{weights.File}: its {modules.Count} modules make {chains.Count} chains by their sizes, too many for a draft; export the model as ONNX.");
            graphs = [.. chains.Select((chain, i) => ChainDraft.Write(i == 0 ? "main" : $"part_{i + 1}", chain, options))];
            if (graphs.Count > 1) guesses.Add($"{graphs.Count} graphs, because sizes do not continue from one to the next; joins such as concatenation, and what stands between the graphs, have no weights");
        }

        if (graphs.Count == 0) throw new ConversionException($"{weights.File}: none of its {weights.Names.Count} tensors is told to be a layer's by its name and shape: {string.Join(", ", weights.Names.Take(6).Select(name => $"'{name}'"))}{(weights.Names.Count > 6 ? " …" : "")}. Write a description with 'tensors' (docs/description.md), or export the model as ONNX.");
        if (all.Find(tensor => tensor.Role.Length == 0 && tensor.Module.Split('.')[^1] == TensorRole.Transitions) is { } path) guesses.Add($"'{path.Tensor.Name}' is of a CRF: the output is its scores for each step, and the best path through them is your program's to find (Viterbi)");
        if (options.Settings.Used is { } told) guesses.Add(told);
        if (Unweighted(weights.Modules) is { } unweighted) guesses.Add(unweighted);
        guesses.AddRange(graphs.SelectMany(graph => graph.Guesses));
        var questions = graphs.SelectMany(graph => graph.Questions).ToList();
        return new Draft(Write(file, what, graphs, decoding, questions, guesses, unplaced), all, modules, questions, guesses, unplaced, skipped);
    }

    /// <summary>Puts features of positions in front of the first attention, which needs them. Elsewhere they have no place.</summary>
    private static List<Module> Placed(List<Module> modules)
    {
        var rest = modules.FindAll(module => module.Kind != ModuleKind.Positions);
        foreach (var places in modules.Where(module => module.Kind == ModuleKind.Positions))
        {
            var at = rest.FindIndex(module => module.Kind is ModuleKind.Attention or ModuleKind.TransformerEncoder && module.In == places.In);
            rest.Insert(at < 0 ? rest.Count : at, at < 0 ? places with { Kind = ModuleKind.Other, Why = "" } : places);
        }

        return rest;
    }

    /// <summary>The modules with what their classes tell, and which channels are those of an image.</summary>
    private static List<Module> Told(List<Module> modules, IReadOnlyList<WholeModule> whole)
    {
        var byPath = whole.GroupBy(module => module.Path, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        var told = new List<Module>();
        foreach (var module in modules)
        {
            var next = byPath.TryGetValue(module.Path, out var source) ? Scaffolding.Modules.OfClass(module with { Whole = source }) : module;
            // A norm that follows a convolution over images is over its channels.
            if (next.Kind == ModuleKind.Conv2d || (next.Kind is ModuleKind.BatchNorm or ModuleKind.GroupNorm or ModuleKind.Prelu && told.Count > 0 && told[^1].IsOfImage && (next.Out == told[^1].Out || next.Kind == ModuleKind.Prelu))) next = next with { IsOfImage = true };
            if (next is { Kind: ModuleKind.Prelu, IsOfImage: true }) next = next with { In = told[^1].Out, Out = told[^1].Out };
            told.Add(next);
        }

        return told;
    }

    /// <summary>Names the whole modules without weights: the file has their classes, and not where the model calls them.</summary>
    private static string? Unweighted(IReadOnlyList<WholeModule> modules)
    {
        const int most = 24;
        var others = modules.Where(module => !module.HasParts && module.Class is not (null or "Dropout" or "Identity")).Select(module => $"'{module.Path}' ({module.Class})").ToList();
        return others.Count == 0 ? null : $"the file also has modules without weights: {string.Join(", ", others.Take(most))}{(others.Count > most ? $" and {others.Count - most} more" : "")}; put each where the model calls it";
    }

    private static IReadOnlyList<int>? Shape(WeightTensor tensor)
    {
        try
        {
            return tensor.Shape;
        }
        catch (ConversionException)
        {
            return null;
        }
    }

    /// <summary>Puts modules without a layer after the ones that the file has before them.</summary>
    private static void Insert(List<List<Module>> chains, List<Module> modules)
    {
        var chainOf = new Dictionary<Module, List<Module>>(ReferenceEqualityComparer.Instance);
        foreach (var chain in chains)
        {
            foreach (var module in chain) chainOf[module] = chain;
        }

        Module? before = null;
        foreach (var module in modules)
        {
            if (!chainOf.ContainsKey(module))
            {
                if (!module.IsMissed) continue;
                if (chains.Count == 0) chains.Add([]);
                var chain = before is null ? chains[0] : chainOf[before];
                chain.Insert(before is null ? 0 : chain.FindIndex(other => ReferenceEquals(other, before)) + 1, module);
                chainOf[module] = chain;
            }

            before = module;
        }
    }

    private static string Write(string file, string what, List<DraftGraph> graphs, string? decoding, List<string> questions, List<string> guesses, List<string> unplaced)
    {
        const int named = 12;
        var text = new StringBuilder();
        void Line(string line) => text.Append(line).Append('\n');
        void Comment(string line) => Line($"// {DraftGraph.OneLine(line)}");
        Comment($"A draft for {what}, from the names and shapes of its tensors: seqconvert scaffold.");
        Comment("They do not tell joins without weights, such as residuals, nor the functions between layers: compare the outputs with the model's.");
        foreach (var guess in DraftGraph.Grouped(guesses)) Comment($"Assumed: {guess}.");
        foreach (var question in DraftGraph.Grouped(questions)) Comment($"To fill in: {question}.");
        if (unplaced.Count > 0) Comment($"Not used: {string.Join(", ", unplaced.Take(named))}{(unplaced.Count > named ? $" and {unplaced.Count - named} more" : "")}.");
        Line("{");
        Line($"  \"weights\": {file},");
        if (decoding is not null) Line($"  \"decoding\": {decoding},");
        Line("  \"graphs\": {");
        foreach (var (i, graph) in graphs.Index()) graph.Write(text, i == graphs.Count - 1);
        Line("  }");
        Line("}");
        return text.ToString();
    }

    private static bool IsSorted(List<string> names)
    {
        const int fewest = 3;
        if (names.Count < fewest) return false;
        for (var i = 1; i < names.Count; i++)
        {
            if (string.CompareOrdinal(names[i - 1], names[i]) > 0) return false;
        }

        return true;
    }

    /// <summary>Alphabetical, but numbers by their value.</summary>
    private static int Natural(string a, string b)
    {
        int i = 0, j = 0;
        while (i < a.Length && j < b.Length)
        {
            if (char.IsAsciiDigit(a[i]) && char.IsAsciiDigit(b[j]))
            {
                var (x, y) = (Number(a, ref i), Number(b, ref j));
                if (x.Length != y.Length) return x.Length - y.Length;
                if (string.CompareOrdinal(x, y) is not 0 and var order) return order;
            }
            else if (a[i++] - b[j++] is not 0 and var order)
            {
                return order;
            }
        }

        return (a.Length - i) - (b.Length - j);

        static string Number(string text, ref int at)
        {
            var start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            return text[start..at].TrimStart('0');
        }
    }
}
