using System.Buffers.Binary;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A TensorFlow Lite file: its bytes are mutated, or its numbers of 32 bits, which are offsets, sizes, options and places of tensors.</summary>
internal sealed class TfliteTarget : ConverterTarget
{
    private const int MostChanges = 4;

    private readonly List<byte[]> _seeds = [.. TfliteModels.All(), .. Corpus("tflite")];

    public override string Name => "tflite";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        var seed = Pick(random, _seeds);
        if (random.Next(3) == 0 || seed.Length < 2 * sizeof(int)) return Bytes.Mutate(random, seed, Pick(random, _seeds));
        var input = (byte[])seed.Clone();
        for (var change = random.Next(MostChanges) + 1; change > 0; change--)
        {
            var place = input.AsSpan(random.Next(input.Length / sizeof(int)) * sizeof(int), sizeof(int));
            var number = BinaryPrimitives.ReadInt32LittleEndian(place);
            BinaryPrimitives.WriteInt32LittleEndian(place, random.Next(5) switch
            {
                0 => number + random.Next(-4, 5),
                1 => random.Next(-2, 10),
                2 => BinaryPrimitives.ReadInt32LittleEndian(input.AsSpan(random.Next(input.Length / sizeof(int)) * sizeof(int))),
                3 => number ^ 1 << random.Next(32),
                _ => random.Next(2) == 0 ? int.MaxValue : int.MinValue,
            });
        }

        return input;
    }

    public override Outcome Run(byte[] input) => Convert([("main", Write("model.tflite", input))]);
}
