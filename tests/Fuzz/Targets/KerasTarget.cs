using System.Text;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A Keras model in a valid file with a mutated architecture. The input is the architecture.</summary>
internal sealed class KerasTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [.. KerasModels.Configs.Select(Encoding.UTF8.GetBytes), .. Corpus("keras")];
    private readonly byte[] _file = KerasModels.Files().First();
    private readonly byte[] _newer = KerasModels.Files().Last();

    public override string Name => "keras";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => JsonTrees.Mutate(random, Pick(random, _seeds), KerasModels.Configs.Select(Encoding.UTF8.GetBytes).ElementAt(random.Next(KerasModels.Configs.Length)));

    public override Outcome Run(byte[] input)
    {
        var file = (byte[])(input.Length % 2 == 0 ? _file : _newer).Clone();
        var room = file.AsSpan(KerasModels.ConfigAt(file), KerasModels.ConfigBytes);
        room.Fill((byte)' ');
        input.AsSpan(0, Math.Min(input.Length, room.Length)).CopyTo(room);
        return Convert([("main", Write("model.h5", file))]);
    }
}
