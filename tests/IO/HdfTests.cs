using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Tests.IO;

/// <summary>Files that h5py wrote in every form of HDF5 (Golden/hdf/make.py): read exactly, or refused with the reason.</summary>
public class HdfTests
{
    private const string Whole = "model_weights/dense/dense/integers";

    private static readonly Dictionary<string, int[]> s_shapes = new()
    {
        ["kernel:0"] = [5, 7],
        ["soft"] = [5, 7],
        ["half"] = [3, 2],
        ["double"] = [4],
        ["hard"] = [4],
        ["big"] = [4],
        ["scalar"] = [],
        ["empty"] = [0, 3],
        ["packed"] = [37, 23],
        ["chunks"] = [5, 6, 7],
        ["one_chunk"] = [4, 4],
        ["compact"] = [2, 2],
    };

    [Theory]
    [InlineData("earliest", 12)]
    [InlineData("v108", 12)]
    [InlineData("latest", 12)]
    [InlineData("userblock", 12)]
    [InlineData("dense", 60)]
    public void Every_dataset_of_numbers_and_every_text_is_read(string name, int groups)
    {
        var file = Read(name);
        var expected = s_shapes.ToDictionary(s => $"model_weights/dense/dense/{s.Key}", s => s.Value);
        for (var i = 0; i < groups; i++) expected[$"many/layer_{i:00}/w"] = [i + 1];
        expected["optimizer_weights/x"] = [3];
        expected[Whole] = [4];
        if (name == "dense") expected["paged"] = [1100];
        Assert.Equal(expected.Keys.Order(), file.Tensors.Keys.Order());
        foreach (var (path, shape) in expected)
        {
            Assert.Equal(shape, file.Tensors[path].Shape);
            Assert.Equal(Enumerable.Range(0, file.Tensors[path].Value.Count).Select(i => path == Whole ? i : (i * 37 % 101 - 50) / 16f), file.Tensors[path].Value.ToFloats());
        }

        Assert.Equal("{\"class_name\": \"Sequential\"}", file.Attributes["model_config"]);
        Assert.Equal("2.15.0", file.Attributes["keras_version"]);
        Assert.Equal("fixed text", file.Attributes["fixed"]);
        Assert.Equal("für", file.Attributes["umlaut"]);
        Assert.DoesNotContain("numbers", file.Attributes.Keys);
        if (name != "dense") return;
        Assert.Equal(string.Concat(Enumerable.Repeat("0123456789", 500)), file.Attributes["long"]);
        for (var i = 0; i < 20; i++) Assert.Equal($"text {i}", file.Attributes[$"attribute_{i}"]);
    }

    [Fact]
    public void Integers_of_every_size_sign_and_order_are_read()
    {
        var file = Read("integers");
        foreach (var (name, least, most, type) in ((string, long, long, ElementType)[])[("i1", sbyte.MinValue, sbyte.MaxValue, ElementType.Int8), ("u1", 0, byte.MaxValue, ElementType.UInt8), ("i2", short.MinValue, short.MaxValue, ElementType.Int32), ("u2", 0, ushort.MaxValue, ElementType.Int32), ("i4", int.MinValue, int.MaxValue, ElementType.Int32), ("u4", 0, uint.MaxValue, ElementType.Int64), ("i8", long.MinValue, long.MaxValue, ElementType.Int64)])
        {
            foreach (var path in type is ElementType.Int8 or ElementType.UInt8 ? [name] : new[] { "<" + name, ">" + name })
            {
                Assert.Equal(type, file.Tensors[path].Value.Type);
                Assert.Equal([2, 2], file.Tensors[path].Shape);
                Assert.Equal([least, most / 3, 1, most], file.Tensors[path].Value.Integers());
            }
        }

        foreach (var path in (string[])["<u8", ">u8"]) Assert.Equal([0, 6148914691236517205, 1, 7], file.Tensors[path].Value.Integers());
    }

    [Theory]
    [InlineData("external-link", "the link 'elsewhere' points to another file")]
    [InlineData("external-data", "the dataset 'x' keeps its data in other files")]
    [InlineData("virtual", "the dataset 'x' is a virtual dataset")]
    [InlineData("circle", "the link 'a' to '/b/c' leads back to itself")]
    [InlineData("itself", "the group 'a/b' contains itself")]
    [InlineData("lzf", "the dataset 'x' is packed by LZF; save it unpacked or with gzip")]
    public void External_and_circular_links_are_refused_by_name(string name, string message) =>
        Assert.StartsWith($"{name}.h5: {message}", Assert.Throws<ConversionException>(() => Read(name)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("growing", 7)]
    [InlineData("growing-earliest", 1)]
    [InlineData("named", 1)]
    [InlineData("named-latest", 1)]
    [InlineData("short", 1)]
    public void Shapes_that_may_grow_types_with_names_and_short_addresses_are_read(string name, int datasets)
    {
        var file = Read(name);
        Assert.Equal(datasets, file.Tensors.Count);
        foreach (var tensor in file.Tensors.Values)
            Assert.Equal(Enumerable.Range(0, tensor.Value.Count).Select(i => (i * 37 % 101 - 50) / 16f), tensor.Value.ToFloats());
        if (name == "short") Assert.Equal("text of any length", file.Attributes["model_config"]);
    }

    [Theory]
    [InlineData("unwritten")]
    [InlineData("unwritten-latest")]
    public void Unwritten_data_has_the_fill_value(string name)
    {
        var file = Read(name);
        float[] Floats(string dataset) => file.Tensors[dataset].Value.ToFloats();
        Assert.Equal(new float[4], Floats("zeros"));
        Assert.Equal([2.5f, 2.5f, 2.5f, 2.5f], Floats("filled"));
        Assert.Equal(Enumerable.Range(0, 40 * 50).Select(i => i % 50 == 3 && i / 50 is >= 5 and < 9 ? 1f : -1), Floats("chunks"));
        Assert.Equal(Enumerable.Range(0, 9000).Select(i => i == 4000 ? 1f : 3), Floats("pages"));
        Assert.Equal(Enumerable.Range(0, 140_000).Select(i => i >= 139_998 ? 1f : 3), Floats("growing"));
        Assert.Equal(Enumerable.Range(0, 40 * 40).Select(i => i % 40 == 2 && i / 40 is >= 5 and < 9 ? 1f : 3), Floats("growing_both"));
    }

    /// <summary>No file of some kilobytes makes the reader allocate more than a few megabytes, for any lengths in it.</summary>
    [Theory]
    [InlineData("earliest")]
    [InlineData("latest")]
    [InlineData("dense")]
    [InlineData("growing-earliest")]
    [InlineData("named")]
    public void Damaged_files_are_read_or_refused_and_take_little(string name)
    {
        var whole = File.ReadAllBytes(Path.Combine("Golden", "hdf", $"{name}.h5"));
        var random = new Random(4);
        long[] edges = [0, 1, -1, int.MaxValue, uint.MaxValue, long.MaxValue, long.MinValue, whole.Length, whole.Length - 8, 2147483522];
        var most = 0L;
        for (var i = 0; i < 4_000; i++)
        {
            byte[] copy = i % 8 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (var n = i % 8 == 0 ? 0 : random.Next(1, 5); n > 0; n--)
            {
                var at = random.Next(copy.Length - 8);
                if (random.Next(2) == 0) copy[at] = (byte)random.Next(256);
                else BitConverter.GetBytes(edges[random.Next(edges.Length)]).AsSpan(0, 1 << random.Next(4)).CopyTo(copy.AsSpan(at));
            }

            most = Math.Max(most, Allocation.Bytes(() =>
            {
                try
                {
                    foreach (var tensor in HdfFile.Read(copy, "damaged.h5").Tensors.Values) _ = tensor.Value;
                }
                catch (ConversionException)
                {
                }
            }));
        }

        Assert.InRange(most, 1, 200 << 20);
    }

    private static HdfFile Read(string name)
    {
        var file = HdfFile.Read(File.ReadAllBytes(Path.Combine("Golden", "hdf", $"{name}.h5")), $"{name}.h5");
        foreach (var tensor in file.Tensors.Values) _ = tensor.Value;
        return file;
    }
}
