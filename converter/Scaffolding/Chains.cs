namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Puts modules into chains in which each takes as many features as the one before gives.</summary>
internal static class Chains
{
    private const int MostSearched = 24;
    private const int MostSteps = 200_000;

    /// <summary>The chains, and how the order was found.</summary>
    /// <param name="modules">The modules in the order of the file.</param>
    /// <param name="isOrdered">Whether the file has its modules in the order in which they were made.</param>
    public static (List<List<Module>> Chains, string How) Of(IReadOnlyList<Module> modules, bool isOrdered)
    {
        var given = WithEmbeddings(modules);
        var split = Split(given);
        if (split.Count == 1 && (isOrdered || given.Count == 1)) return (split, "the order of the modules is the file's, in which they were made; it may differ from the order in which the model calls them");
        // In other orders only the sizes tell, and they tell it only if there is one way.
        if (Only(Free(modules)) is { } only) return ([only], "the order of the modules is the only one in which their sizes fit");
        if (isOrdered) return (split, "the order of the modules is the file's, in which they were made; where sizes do not continue, a new graph begins");
        return (Greedy(Free(modules)), "the file has its tensors in alphabetical order, and their sizes fit in several orders: the order of the modules is a guess");
    }

    /// <summary>A matrix without a bias is an embedding if it comes first and the next module takes its columns and not its rows.</summary>
    private static List<Module> WithEmbeddings(IReadOnlyList<Module> modules)
    {
        var all = modules.ToList();
        if (all is [{ Kind: ModuleKind.Linear } first, var next, ..] && first.Tensors.Count == 1 && first.Whole?.Class is null && next.In == first.In && (next.In != first.Out || next.Kind == ModuleKind.Recurrent))
        {
            all[0] = Modules.AsEmbedding(first, "a matrix without a bias, whose columns the next module takes") with { Doubt = first.In == first.Out ? "a square matrix, which may also be a linear layer without a bias" : null };
        }

        return all;
    }

    /// <summary>The same in any order: a matrix that no other module's outputs fit, and whose columns another takes.</summary>
    private static List<Module> Free(IReadOnlyList<Module> modules)
    {
        var all = modules.ToList();
        if (all.Exists(module => module.Kind == ModuleKind.Embedding)) return all;
        for (var i = 0; i < all.Count; i++)
        {
            var matrix = all[i];
            if (matrix.Kind != ModuleKind.Linear || matrix.Whole?.Class is not null || matrix.Tensors.Count != 1 || all.Exists(other => other != matrix && other.Out == matrix.In) || !all.Exists(other => other != matrix && other.In == matrix.In)) continue;
            all[i] = Modules.AsEmbedding(matrix, "a matrix without a bias, whose columns another module takes");
            break;
        }

        return all;
    }

    private static bool Fits(Module before, Module after) =>
        after.Kind switch
        {
            ModuleKind.Embedding => after.IsOfPositions && before.Kind == ModuleKind.Embedding && !before.IsOfPositions && before.Out == after.Out,
            ModuleKind.Other => false,
            // A depthwise convolution has a group for each channel.
            ModuleKind.Conv1d => before.Out == after.In || (after.In == 1 && before.Out > 0 && after.Out % before.Out == 0),
            // One number fits everywhere.
            ModuleKind.Prelu when after.In == 0 => true,
            // Channels and one axis of an image, or all of it, are the features.
            ModuleKind.Linear when IsFlattened(before, after) => true,
            ModuleKind.Recurrent or ModuleKind.Linear when before.IsOfImage => before.Out > 0 && after.In > 0 && after.In % before.Out == 0,
            _ => before.Out == after.In || before is { Kind: ModuleKind.Prelu, Out: 0 },
        } && before.Kind != ModuleKind.Other;

    /// <summary>Whether a layer may take all steps of a sequence: so many times the features that it is no join of a few values.</summary>
    private static bool IsFlattened(Module before, Module after)
    {
        const int fewest = 4;
        return before.Kind is ModuleKind.Recurrent or ModuleKind.Attention or ModuleKind.TransformerEncoder or ModuleKind.Conv1d && before.Out > 0 && after.In % before.Out == 0 && after.In / before.Out >= fewest;
    }

    private static List<List<Module>> Split(List<Module> modules)
    {
        var chains = new List<List<Module>>();
        foreach (var module in modules)
        {
            if (chains.Count > 0 && Fits(chains[^1][^1], module)) chains[^1].Add(module);
            else chains.Add([module]);
        }

        return chains;
    }

    /// <summary>The only chain of all modules. Null if there is none, or more than one. Equal modules keep their order.</summary>
    private static List<Module>? Only(List<Module> modules)
    {
        if (modules.Count > MostSearched || modules.Exists(module => module.Kind == ModuleKind.Other)) return null;
        var (found, steps) = (new List<List<Module>>(), 0);
        Extend([]);
        return found.Count == 1 && steps < MostSteps ? found[0] : null;

        void Extend(List<Module> chain)
        {
            if (++steps >= MostSteps || found.Count > 1) return;
            if (chain.Count == modules.Count) found.Add([.. chain]);
            var tried = new HashSet<(ModuleKind, int, int, string)>();
            foreach (var module in modules)
            {
                if (chain.Contains(module) || (chain.Count > 0 && !Fits(chain[^1], module)) || !tried.Add((module.Kind, module.In, module.Out, module.What))) continue;
                chain.Add(module);
                Extend(chain);
                chain.RemoveAt(chain.Count - 1);
            }
        }
    }

    /// <summary>Begins with what usually comes first, and goes on with the first module that fits.</summary>
    private static List<List<Module>> Greedy(List<Module> modules)
    {
        var left = modules.OrderBy(Rank).ToList();
        var chains = new List<List<Module>>();
        while (left.Count > 0)
        {
            var start = left.Find(module => !left.Exists(other => other != module && Fits(other, module))) ?? left[0];
            var chain = new List<Module> { start };
            left.Remove(start);
            while (left.Find(module => Fits(chain[^1], module)) is { } next)
            {
                chain.Add(next);
                left.Remove(next);
            }

            chains.Add(chain);
        }

        return chains;
    }

    private static int Rank(Module module) => module.Kind switch
    {
        ModuleKind.Embedding => 0,
        ModuleKind.Conv1d or ModuleKind.Conv2d or ModuleKind.ConvTranspose1d => 1,
        ModuleKind.Positions or ModuleKind.BatchNorm or ModuleKind.LayerNorm or ModuleKind.RmsNorm or ModuleKind.GroupNorm or ModuleKind.Prelu => 2,
        ModuleKind.Attention or ModuleKind.TransformerEncoder => 3,
        ModuleKind.Recurrent => 4,
        ModuleKind.AttentionPool => 5,
        ModuleKind.Linear => 6,
        _ => 7,
    };
}
