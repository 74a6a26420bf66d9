using System.Buffers.Binary;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A safetensors file: its bytes are mutated, or its JSON header with a correct length.</summary>
internal sealed class SafetensorsTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [WeightModels.Safetensors(), .. Corpus("safetensors")];
    private readonly byte[] _header;
    private readonly byte[] _data;

    public SafetensorsTarget()
    {
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(_seeds[0]);
        (_header, _data) = (_seeds[0][8..(8 + length)], _seeds[0][(8 + length)..]);
        Write("model.json", WeightModels.For(WeightModels.Descriptions[0], "w.safetensors"));
    }

    public override string Name => "safetensors";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) =>
        random.Next(2) == 0 ? Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds), 0, random.Next(2) == 0 ? 2048 : -1) : WeightModels.Safetensors(JsonTrees.Mutate(random, _header, _header), _data);

    public override Outcome Run(byte[] input)
    {
        Write("w.safetensors", input);
        return Convert([("main", At("model.json"))]);
    }
}
