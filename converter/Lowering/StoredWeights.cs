using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Lowers all graphs twice: as if the user had named no weights, to see which should be finer, and as asked. So naming one changes no other.</summary>
internal static class StoredWeights
{
    /// <returns>The model, what was stored, and what the user should know of it.</returns>
    /// <exception cref="ConversionException">What the user asks for is not there, or cannot be.</exception>
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
