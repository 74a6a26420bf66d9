using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.IO;
using SeqRuntime.Tests.Kinds;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A file of any kind, maybe packed with xz or gzip, whose bytes are mutated. It is unpacked and its kind is told.</summary>
internal sealed class KindTarget : Target
{
    private readonly List<byte[]> _seeds = [.. KindSamples.All.Select(s => s.File), XzWriter.Write([new byte[300]]), XzWriter.Write([new byte[40], [1, 2, 3]]), Gzip(new byte[300]), .. Corpus("kinds")];

    public override string Name => "kinds";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));

    public override Outcome Run(byte[] input)
    {
        try
        {
            return FileKinds.Of(Unpacking.Open(input, "m")).Use == KindUse.Model ? Outcome.Taken : Outcome.Refused;
        }
        catch (ConversionException fault)
        {
            Why = fault.Message;
            return Outcome.Refused;
        }
    }

    private static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var stream = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Optimal)) stream.Write(content);
        return packed.ToArray();
    }
}
