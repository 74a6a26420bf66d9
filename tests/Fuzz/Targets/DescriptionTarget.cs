using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A description of valid weights.</summary>
internal sealed class DescriptionTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [.. WeightModels.Descriptions.Select(d => WeightModels.For(d, "w.safetensors")), .. Corpus("json")];
    private readonly int _sound = WeightModels.Descriptions.Length;

    public DescriptionTarget() => Write("w.safetensors", WeightModels.Safetensors());

    public override string Name => "json";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => JsonTrees.Mutate(random, _seeds[random.Next(_sound)], _seeds[random.Next(_sound)]);

    public override Outcome Run(byte[] input) => Convert([("main", Write("model.json", input))]);
}
