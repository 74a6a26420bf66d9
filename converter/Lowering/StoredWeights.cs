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
    /// <returns>The model, the stored tensors, and notes for the user.</returns>
    /// <exception cref="ConversionException">The user's choice names no tensor or cannot be met.</exception>
    public static (SeqModelBuilder Model, List<ConvertedTensor> Tensors, List<string> Notes) Lower(IReadOnlyList<IrGraph> graphs, ConversionOptions options)
    {
        var rounder = new WeightRounder();
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
}
