using System.IO.Compression;
using System.Text;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.IO;

/// <summary>Files packed with gzip or xz are unpacked in memory, with their checksums verified, up to a limit. Damaged ones are refused.</summary>
public sealed class UnpackingTests : IDisposable
{
    /// <summary>4,000 letters packed by xz 5.4 with each kind of checksum, and in three blocks.</summary>
    private const string XzNone = "/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4A+fAB9dADDrlLX/fHIt/wg3C/MV12/U1TveMZu4FlofYVWLAAAAAAABM6AfAAAAgXnmOagACvwCAAAAAABZWg==";
    private const string XzCrc32 = "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4A+fAB9dADDrlLX/fHIt/wg3C/MV12/U1TveMZu4FlofYVWLAAAAANWD3qwAATegHwAAAJc7d6I+MA2LAgAAAAABWVo=";
    private const string XzCrc64 = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4A+fAB9dADDrlLX/fHIt/wg3C/MV12/U1TveMZu4FlofYVWLAAAAAA8noALccqt6AAE7oB8AAADs+7XVscRn+wIAAAAABFla";
    private const string XzSha256 = "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4A+fAB9dADDrlLX/fHIt/wg3C/MV12/U1TveMZu4FlofYVWLAAAAAMMte3ddqNZB2g+ujib5gY3yco+ZJmBIdj7370CNCn0AAAFToB8AAADbdhIxtunfHAIAAAAAClla";
    private const string XzBlocks = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AXbABNdADDrlLX/fHIt/wg3C/MVrDDJrQAAABpKJ5qycMy8AgAhARYAAAB0L+Wj4AXbABNdADDrlLX/fHIt/wg3C/MVrDDJrQAAABpKJ5qycMy8AgAhARYAAAB0L+Wj4APnABBdADDrlLX/fHIt/wg2t1DkKgAAsa5cpndjqhAAAy/cCy/cCyzoBwAh9bXaFBc7MAMAAAAABFla";

    /// <summary>The same letters with a filter for x86 code before LZMA2.</summary>
    private const string XzFiltered = "/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4A+fAB9dADDrlLX/fHIt/wg3C/MV12/U1TveMZu4FlofYVWLAAAAAA8noALccqt6AAE7oB8AAADs+7XVscRn+wIAAAAABFla";

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<bool> Packers => [true, false];

    private static byte[] Letters => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("aaaaaaaaaabbbbbbbbbb", 200)));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(XzNone)]
    [InlineData(XzCrc32)]
    [InlineData(XzCrc64)]
    [InlineData(XzSha256)]
    [InlineData(XzBlocks)]
    public void Files_of_xz_are_unpacked(string packed) => Assert.Equal(Letters, Unpacking.Open(Convert.FromBase64String(packed), "m.xz"));

    [Fact]
    public void Files_without_a_packing_stay()
    {
        var file = Letters;
        Assert.Same(file, Unpacking.Open(file, "m"));
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void Every_truncation_is_refused(bool isGzip)
    {
        foreach (var packed in isGzip ? [Gzip(Random(3000)), Gzip(Letters)] : (byte[][])[Convert.FromBase64String(XzCrc64), Convert.FromBase64String(XzBlocks), XzWriter.Write([Random(3000), Letters])])
        {
            // A shorter beginning is not recognized as packed.
            for (var length = 6; length < packed.Length; length++) Assert.Throws<ConversionException>(() => Unpacking.Open(packed[..length], "m"));
            Assert.Throws<ConversionException>(() => Unpacking.Open([.. packed, 0], "m"));
            Assert.Throws<ConversionException>(() => Unpacking.Open([.. packed, .. packed], "m"));
        }
    }

    /// <summary>Changed bytes are refused, or they do not change the content: the names and times in gzip's head.</summary>
    [Theory]
    [MemberData(nameof(Packers))]
    public void Every_changed_byte_is_refused_or_harmless(bool isGzip)
    {
        foreach (var (packed, content) in isGzip ? [(Gzip(Random(900)), Random(900)), (Gzip(Letters), Letters)] : new[] { (Convert.FromBase64String(XzSha256), Letters), (Convert.FromBase64String(XzBlocks), Letters), (XzWriter.Write([Random(900)]), Random(900)) })
        {
            for (var at = isGzip ? 2 : XzFile.Signature.Length; at < packed.Length; at++)
            {
                foreach (var flip in (byte[])[1, 0x10, 0x80, 0xFF])
                {
                    byte[] changed = [.. packed];
                    changed[at] ^= flip;
                    try
                    {
                        Assert.Equal(content, Unpacking.Open(changed, "m"));
                    }
                    catch (ConversionException fault)
                    {
                        Assert.StartsWith("m: ", fault.Message, StringComparison.Ordinal);
                    }
                }
            }
        }
    }

    [Fact]
    public void Faults_name_what_is_wrong()
    {
        var gzip = Gzip(Letters);
        gzip[^1] ^= 1;
        Says(gzip, "this gzip file is truncated, damaged, or made of several parts: ");
        gzip[^1] ^= 1;
        gzip[^5] ^= 1;
        Says(gzip, "this gzip file is truncated, damaged, or made of several parts: ");
        Says(Gzip(Letters)[..^8], "it unpacks to 4000 bytes instead of ");
        Says([0x1F, 0x8B, 8], "this gzip file is truncated, damaged, or made of several parts: it is too short. Download it again, or unpack it (gunzip).");
        Says(Convert.FromBase64String(XzFiltered), "this xz file uses a filter that is not supported; unpack it before you convert it (unxz)");
        Says(XzFile.Signature.ToArray(), "this xz file is truncated or damaged: 6 bytes cannot be its length.");
        Says([.. Convert.FromBase64String(XzCrc64)[..^4], 0, 0, 0, 0], "its end is missing");
        Says(XzWriter.Write([Letters], length => (ulong)length + 1), "this xz file is truncated or damaged: ");
        Says(XzWriter.Write([Letters, Letters], length => (ulong)length - 1), "the content does not have its length or its checksum");
    }

    /// <summary>The limit is checked while a gzip file is unpacked, and before anything of an xz file is.</summary>
    [Fact]
    public void A_small_file_does_not_unpack_to_much()
    {
        var gzip = Gzip(new byte[80 << 20]);
        Assert.True(gzip.Length < 1 << 18);
        Says(gzip, "m: it unpacks to more than 65 MiB, which is over 16 times its size");
        Says(XzWriter.Write([Letters], _ => 1UL << 40), "m: it unpacks to more than 64 MiB");
        Says(XzWriter.Write([Letters, Letters, Letters], _ => 1UL << 25), "m: it unpacks to more than 64 MiB");
        Says(XzWriter.Write([Letters], _ => ulong.MaxValue >> 1), "m: it unpacks to more than 64 MiB");
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void Models_weights_and_tables_may_be_packed(bool isGzip)
    {
        using var files = new WeightFiles();
        files.Random("fc.weight", 2, 3);
        var description = WeightFiles.Graph("[1, 3]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""");
        var plain = files.Convert(description).File;
        _folder.Write("weights.npz", Pack(File.ReadAllBytes(files.Path("weights.npz")), isGzip));
        _folder.Write("model.json.packed", Pack(Encoding.UTF8.GetBytes(description), isGzip));
        var before = _folder.Files.ToList();
        var result = Conversion.Convert([("main", _folder["model.json.packed"])], new ConversionOptions());
        using var expected = SeqModel.Load(plain);
        using var model = SeqModel.Load(result.File);
        Assert.Equal(Run(expected), Run(model));
        Assert.Equal(before, _folder.Files);

        _folder.Write("words.txt", Pack("a\nb\n"u8.ToArray(), isGzip));
        Assert.Equal(["a", "b"], SeqRuntime.Converter.Commands.TextFile.ReadLines(_folder["words.txt"]));
    }

    /// <summary>The recorded hash is that of the file on the disk, and the length that of its content.</summary>
    [Fact]
    public void The_record_of_a_packed_file_is_of_the_file_itself()
    {
        var packed = Gzip(Letters);
        var files = new SourceFiles([]);
        Assert.Equal(Letters, files.ReadNamed(_folder.Write("m.gz", packed)));
        Assert.Equal((4000, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(packed))), (files.Read.Single().Bytes, files.Read.Single().Sha256));
    }

    private static float[] Run(SeqModel model)
    {
        using var session = model.CreateSession();
        session.Input<float>("x").Fill(1);
        session.Run();
        return session.Output<float>("y").ToArray();
    }

    private static void Says(byte[] file, string what) => Assert.Contains(what, Assert.Throws<ConversionException>(() => Unpacking.Open(file, "m")).Message, StringComparison.Ordinal);

    private static byte[] Pack(byte[] content, bool isGzip) => isGzip ? Gzip(content) : XzWriter.Write([content[..(content.Length / 2)], content[(content.Length / 2)..]]);

    private static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal)) stream.Write(content);
        return packed.ToArray();
    }

    private static byte[] Random(int length)
    {
        var bytes = new byte[length];
        new Random(9).NextBytes(bytes);
        return bytes;
    }
}
