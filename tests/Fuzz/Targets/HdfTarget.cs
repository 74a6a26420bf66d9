using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>An HDF5 file: its structures, and a Keras model that it may contain.</summary>
internal sealed class HdfTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [.. KerasModels.Files(), .. Corpus("h5")];

    public override string Name => "h5";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds), 0, random.Next(2) == 0 ? 2048 : -1);

    public override Outcome Run(byte[] input)
    {
        try
        {
            var file = HdfFile.Read(input, "model.h5");
            foreach (var tensor in file.Tensors.Values) _ = tensor.Value;
            if (!file.Attributes.ContainsKey("model_config")) return Outcome.Taken;
        }
        catch (ConversionException)
        {
            return Outcome.Refused;
        }

        return Convert([("main", Write("model.h5", input))]);
    }
}
