using System.IO.Compression;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>An archive of arrays: its bytes are mutated, or an array in a valid archive. It is read directly, and as a description's weights.</summary>
internal sealed class NpzTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [WeightModels.Npz(CompressionLevel.NoCompression), WeightModels.Npz(CompressionLevel.SmallestSize), .. Corpus("npz")];

    public NpzTarget() => Write("model.json", WeightModels.For(WeightModels.Descriptions[0], "w.npz"));

    public override string Name => "npz";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        if (random.Next(2) == 0) return Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));
        var changed = random.Next(4);
        return WeightModels.Npz(random.Next(2) == 0 ? CompressionLevel.NoCompression : CompressionLevel.Fastest, (_, npy) => changed-- == 0 ? Bytes.Mutate(random, npy, npy, 0, 128) : npy);
    }

    public override Outcome Run(byte[] input)
    {
        try
        {
            NpzFile.Read(input, "w.npz");
        }
        catch (ConversionException)
        {
        }

        Write("w.npz", input);
        return Convert([("main", At("model.json"))]);
    }
}
