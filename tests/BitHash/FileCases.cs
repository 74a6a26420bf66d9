using SeqRuntime;

namespace BitHash;

/// <summary>Every graph of a real <c>.seq</c> file over pseudo-random inputs, with its states kept between runs.</summary>
internal static class FileCases
{
    public static void Add(CaseList cases, string file, int frames, IReadOnlyDictionary<string, int> sizes)
    {
        using var model = SeqModel.Load(file);
        foreach (var graph in model.Graphs)
        {
            cases.Add($"{Path.GetFileName(file)}/{graph.Name}", kernels =>
            {
                using var loaded = SeqModel.Load(file, new SeqModelOptions { KernelSet = kernels.Name });
                var options = new SeqSessionOptions();
                foreach (var symbol in graph.Symbols) options.MaxSizes[symbol] = sizes.GetValueOrDefault(symbol, 1);
                return ModelRun.Hash(loaded, graph.Name, frames, options);
            });
        }
    }
}
