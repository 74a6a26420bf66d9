using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// Chooses the formats of all weights, then lowers the graphs and packs each matrix once. The choice looks at a plan without the user's choices by
/// name, to find weights that need a more precise format. So a choice for one tensor does not change others.
/// </summary>
internal static class StoredWeights
{
    /// <param name="graphs">The graphs, which are changed.</param>
    /// <param name="options">The user's options.</param>
    /// <param name="progress">Receives the share of weights that are rounded, on any thread.</param>
    /// <returns>The model, the stored tensors, and notes for the user.</returns>
    /// <exception cref="ConversionException">The user's choice names no tensor or cannot be met.</exception>
    public static (SeqModelBuilder Model, List<ConvertedTensor> Tensors, List<string> Notes) Lower(IReadOnlyList<IrGraph> graphs, ConversionOptions options, Action<double>? progress)
    {
        var rounder = new WeightRounder(progress is null ? null : new Share(Math.Max(graphs.Sum(graph => graph.ConstantBytes()) / sizeof(float), 1), progress).Add);
        var general = WeightChoice.General(options, rounder);
        var asked = new WeightChoice(options, new Dictionary<string, RaisedWeights>(), rounder);
        var (folded, apart) = TokenProducts.Run(graphs, asked);
        var shared = GraphLowering.Survey(graphs, general);
        var (plan, planned) = GraphLowering.Plan(graphs, general, shared);
        var sensitive = SensitiveTensors.Find(plan, planned);
        var choice = new WeightChoice(options, sensitive.Raised, rounder, SmallMatrices.AreHalved(planned));
        var (model, tensors) = GraphLowering.Lower(graphs, choice, shared);
        choice.CheckPatterns(tensors, folded);
        return (model, tensors, WeightNotes.Of(tensors, choice, sensitive, apart));
    }

    /// <summary>Adds up work of several threads, and tells of each thousandth.</summary>
    private sealed class Share(long all, Action<double> progress)
    {
        private readonly Lock _lock = new();
        private long _done;
        private long _told;

        public void Add(long work)
        {
            lock (_lock)
            {
                _done += work;
                if ((_done - _told) * 1000 < all) return;
                _told = _done;
                progress((double)_done / all);
            }
        }
    }
}
