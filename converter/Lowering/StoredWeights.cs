using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Lowers all graphs twice: first without the user's choices by name, to find weights that need a more precise format, then with them. So a choice for one tensor does not change others.</summary>
internal static class StoredWeights
{
    /// <returns>The model, the stored tensors, and notes for the user.</returns>
    /// <exception cref="ConversionException">The user's choice names no tensor or cannot be met.</exception>
    public static (SeqModelBuilder Model, List<ConvertedTensor> Tensors, List<string> Notes) Lower(IReadOnlyList<IrGraph> graphs, ConversionOptions options)
    {
        var packer = new WeightPacker();
        var general = WeightChoice.General(options, packer);
        var asked = new WeightChoice(options, new Dictionary<string, RaisedWeights>(), packer);
        var (folded, apart) = TokenProducts.Run(graphs, asked);
        var shared = GraphLowering.Survey(graphs, general);
        var (model, tensors) = GraphLowering.Lower(graphs, general, shared);
        var sensitive = SensitiveTensors.Find(model, tensors);
        var halvesSmall = SmallMatrices.AreHalved(tensors);
        var choice = new WeightChoice(options, sensitive.Raised, packer, halvesSmall);
        if (choice.HasRequests || sensitive.Raised.Count > 0 || halvesSmall) (model, tensors) = GraphLowering.Lower(graphs, choice, shared);
        choice.CheckPatterns(tensors, folded);
        return (model, tensors, WeightNotes.Of(tensors, choice, sensitive, apart));
    }
}
