using System.Buffers.Binary;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A safetensors file: its bytes are mutated, or its JSON header with a correct length. Or an index that names the file of each tensor.</summary>
internal sealed class SafetensorsTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [WeightModels.Safetensors(), .. Corpus("safetensors")];
    private readonly byte[] _header;
    private readonly byte[] _data;
    private readonly byte[] _index;

    public SafetensorsTarget()
    {
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(_seeds[0]);
        (_header, _data) = (_seeds[0][8..(8 + length)], _seeds[0][(8 + length)..]);
        Write("model.json", WeightModels.For(WeightModels.Descriptions[0], "w.safetensors"));
        Write("indexed.json", WeightModels.For(WeightModels.Descriptions[0], "w.index.json"));
        Write("part.safetensors", _seeds[0]);
        using var header = System.Text.Json.JsonDocument.Parse(_header);
        _index = System.Text.Encoding.UTF8.GetBytes($"{{ \"weight_map\": {{ {string.Join(", ", header.RootElement.EnumerateObject().Select(entry => $"\"{entry.Name}\": \"part.safetensors\""))} }} }}");
    }

    public override string Name => "safetensors";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) =>
        random.Next(6) == 0 ? JsonTrees.Mutate(random, _index, _index) :
        random.Next(2) == 0 ? Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds), 0, random.Next(2) == 0 ? 2048 : -1) : WeightModels.Safetensors(JsonTrees.Mutate(random, _header, _header), _data);

    public override Outcome Run(byte[] input)
    {
        var isIndex = input is [(byte)'{', ..];
        Write(isIndex ? "w.index.json" : "w.safetensors", input);
        return Convert([("main", At(isIndex ? "indexed.json" : "model.json"))]);
    }
}
