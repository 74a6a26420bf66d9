using System.IO.Compression;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

public class NpzTests
{
    private static readonly KeyValuePair<string, NpyArray>[] s_arrays =
    [
        new("x", NpyArray.From([2, 2], [1f, 2, 3, 4])),
        new("lengths", NpyArray.From(StoredType.Int64, [3], [5L, 6, 7])),
        new("a/b", NpyArray.From([], [8f])),
    ];

    [Fact]
    public void Arrays_survive_a_round_trip_in_order_and_the_bytes_are_deterministic()
    {
        var file = Stored(s_arrays);
        var back = NpzFile.Read(file, "a.npz");
        Assert.Equal(s_arrays.Select(a => a.Key), back.Select(a => a.Key));
        for (var i = 0; i < s_arrays.Length; i++)
        {
            Assert.Equal(s_arrays[i].Value.Shape, back[i].Value.Shape);
            Assert.Equal(s_arrays[i].Value.Data, back[i].Value.Data);
        }

        Assert.Equal(file, Stored(s_arrays));
    }

    [Fact]
    public void Deflated_archives_are_read()
    {
        var array = NpyArray.From([1000], new float[1000]);
        var file = Archive(("zeros.npy", NpyWriter.ToBytes(array)));
        Assert.True(file.Length < 1000);
        Assert.Equal(1000, NpzFile.Read(file, "a.npz").Single().Value.Count);
    }

    [Fact]
    public void An_entry_that_unpacks_to_more_than_its_shape_says_is_refused()
    {
        var array = NpyWriter.ToBytes(NpyArray.From([1], [1f]));
        var file = Archive(("x.npy", [.. array, .. new byte[50_000_000]]));
        Assert.True(file.Length < 100_000);
        ConversionException? error = null;
        Assert.InRange(Allocation.Bytes(() => error = Assert.Throws<ConversionException>(() => NpzFile.Read(file, "bomb.npz"))), 1, 1 << 20);
        Assert.StartsWith("bomb.npz: x: ", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_files_and_duplicate_arrays_are_refused()
    {
        var array = NpyWriter.ToBytes(NpyArray.From([1], [1f]));
        Refused("readme.txt", ("readme.txt", [1, 2]));
        Refused("two entries are named 'x.npy'", ("x.npy", array), ("x.npy", array));
        Refused("not a .npy file", ("x.npy", [1, 2, 3]));

        static void Refused(string reason, params (string, byte[])[] entries)
        {
            var error = Assert.Throws<ConversionException>(() => NpzFile.Read(Archive(entries), "a.npz"));
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Truncations_and_random_mutations_give_arrays_or_our_exception()
    {
        byte[][] files = [Stored(s_arrays), Archive(("x.npy", NpyWriter.ToBytes(NpyArray.From([64], new float[64]))))];
        var random = new Random(21);
        foreach (var file in files)
        {
            for (var length = 0; length < file.Length; length++) TryRead(file[..length]);
            for (var round = 0; round < 5_000; round++)
            {
                var copy = file.ToArray();
                for (var flips = random.Next(1, 4); flips > 0; flips--) copy[random.Next(copy.Length)] = (byte)random.Next(256);
                TryRead(copy);
            }
        }

        static void TryRead(byte[] bytes)
        {
            try
            {
                NpzFile.Read(bytes, "a.npz");
            }
            catch (ConversionException)
            {
            }
        }
    }

    private static byte[] Stored(IEnumerable<KeyValuePair<string, NpyArray>> arrays)
    {
        using var stream = new MemoryStream();
        NpzFile.Write(stream, arrays);
        return stream.ToArray();
    }

    private static byte[] Archive(params (string Name, byte[] Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.SmallestSize).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }
}
