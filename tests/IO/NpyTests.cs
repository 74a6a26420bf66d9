using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

public class NpyTests
{
    /// <summary>The 128 bytes NumPy wrote before the data of a float32 array of shape (74,).</summary>
    private const string HeaderByNumPy =
        "934E554D505901007600" +
        "7B276465736372273A20273C6634272C2027666F727472616E5F6F72646572273A2046616C73652C20277368617065273A202837342C292C207D" +
        "2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020" +
        "0A";

    public static TheoryData<string> AllTypes => [.. NpyTypes.All.Select(type => $"{type}")];

    [Fact]
    public void A_file_written_by_NumPy_is_read_and_written_again_byte_for_byte()
    {
        var values = new float[74];
        for (var i = 0; i < values.Length; i++) values[i] = i * 0.25f - 3;
        byte[] file = [.. Convert.FromHexString(HeaderByNumPy), .. MemoryMarshal.AsBytes<float>(values)];
        Assert.Equal(128 + 74 * 4, file.Length);

        var array = NpyReader.Read(file, "a.npy");

        Assert.Equal(StoredType.Float32, array.Type);
        Assert.Equal([74], array.Shape);
        Assert.Equal(values, array.As<float>());
        Assert.Equal(file, NpyWriter.ToBytes(array));
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Every_type_survives_a_round_trip(string name)
    {
        var type = Enum.Parse<StoredType>(name);
        foreach (int[] shape in new int[][] { [], [0], [1], [3], [2, 3], [4, 0, 2], [2, 1, 3, 2] })
        {
            var data = new byte[shape.Aggregate(type.Size(), (a, b) => a * b)];
            for (var i = 0; i < data.Length; i++) data[i] = (byte)(type == StoredType.Bool ? i & 1 : i * 7);
            var back = NpyReader.Read(NpyWriter.ToBytes(new NpyArray(type, shape, data)), "a.npy");
            Assert.Equal(type, back.Type);
            Assert.Equal(shape, back.Shape);
            Assert.Equal(data, back.Data);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_version_of_the_format_is_read(byte version)
    {
        var array = NpyReader.Read(File("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", [1, 0, 0, 0, 2, 0, 0, 0], version), "a.npy");
        Assert.Equal([1, 2], array.As<int>());
    }

    [Fact]
    public void Big_endian_data_is_turned_round()
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteSingleBigEndian(bytes, 1.5f);
        BinaryPrimitives.WriteSingleBigEndian(bytes.AsSpan(4), -2);
        var array = NpyReader.Read(File("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", bytes), "a.npy");
        Assert.Equal([1.5f, -2f], array.As<float>());
    }

    [Fact]
    public void Fortran_order_becomes_row_major()
    {
        var array = NpyReader.Read(File("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", [0, 10, 1, 11, 2, 12]), "a.npy");
        Assert.Equal([0, 1, 2, 10, 11, 12], array.Data);

        var cube = NpyReader.Read(File("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }", [0, 4, 2, 6, 1, 5, 3, 7]), "a.npy");
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], cube.Data);
    }

    [Theory]
    [InlineData("{'shape': (1,), 'fortran_order': False, 'descr': '|u1'}")]
    [InlineData("{\"descr\": \"|u1\", \"fortran_order\": False, \"shape\": (1,)}")]
    [InlineData("{'descr':'|u1','fortran_order':False,'shape':(1L,)}")]
    public void Other_ways_to_write_the_same_header_are_read(string header) => Assert.Equal([9], NpyReader.Read(File(header, [9]), "a.npy").Data);

    [Theory]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "'<c8'")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "'|O'")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }", "size from 0")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967297,), }", "size from 0")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536, 65536), }", "2 GiB")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 2147483647, 0), }", "2 GiB")]
    [InlineData("{'descr': '|u1', 'fortran_order': False}", "'shape' is missing")]
    [InlineData("{'descr': '|u1', 'shape': (1,)}", "'fortran_order' is missing")]
    [InlineData("{'fortran_order': False, 'shape': (1,)}", "'descr' is missing")]
    [InlineData("{'descr': '|u1', 'fortran_order': maybe, 'shape': (1,)}", "True or False")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} import os", "after the dictionary")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}", "'more' is unknown")]
    [InlineData("", "'{' is missing")]
    public void A_header_that_cannot_be_right_is_refused_with_file_and_reason(string header, string reason)
    {
        var error = Assert.Throws<ConversionException>(() => NpyReader.Read(File(header, [1]), "some.npy"));
        Assert.StartsWith("some.npy: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shape_that_needs_more_than_the_file_has_is_refused_before_anything_is_allocated()
    {
        var file = File("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }", [1, 2, 3, 4]);
        ConversionException? error = null;
        Assert.InRange(Allocation.Bytes(() => error = Assert.Throws<ConversionException>(() => NpyReader.Read(file, "a.npy"))), 1, 1 << 20);
        Assert.Contains("needs 2000000000 bytes", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_and_any_extra_byte_is_refused()
    {
        var file = NpyWriter.ToBytes(NpyArray.From([2, 3], [1f, 2, 3, 4, 5, 6]));
        for (var length = 0; length < file.Length; length++)
            Assert.Throws<ConversionException>(() => NpyReader.Read(file[..length], "a.npy"));
        Assert.Throws<ConversionException>(() => NpyReader.Read([.. file, 0], "a.npy"));
    }

    [Fact]
    public void Random_mutations_give_an_array_or_our_exception()
    {
        var file = NpyWriter.ToBytes(NpyArray.From([2, 3], [1f, 2, 3, 4, 5, 6]));
        var random = new Random(20);
        var read = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var copy = file.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--) copy[random.Next(copy.Length)] = (byte)random.Next(256);
            try
            {
                NpyReader.Read(copy, "a.npy");
                read++;
            }
            catch (ConversionException)
            {
            }
        }

        Assert.InRange(read, 1, 19_999);
    }

    [Fact]
    public void Conversion_keeps_meaning_or_refuses()
    {
        Assert.Equal([0.5f, -1f], NpyArray.From(StoredType.Float64, [2], [0.5, -1.0]).ConvertTo(StoredType.Float32)!.As<float>());
        Assert.Equal([16000L], NpyArray.From(StoredType.Int32, [1], [16000]).ConvertTo(StoredType.Int64)!.As<long>());
        Assert.Equal([1, 0], NpyArray.From(StoredType.Int64, [2], [1L, 0]).ConvertTo(StoredType.Bool)!.Data);
        Assert.Null(NpyArray.From(StoredType.Int64, [1], [1L << 40]).ConvertTo(StoredType.Int32));
        Assert.Null(NpyArray.From(StoredType.Int64, [1], [1L]).ConvertTo(StoredType.Float32));
        Assert.Null(NpyArray.From([1], [1f]).ConvertTo(StoredType.Int64));
    }

    private static byte[] File(string header, byte[] data, byte version = 1)
    {
        var text = Encoding.ASCII.GetBytes(header + "\n");
        var length = new byte[version == 1 ? 2 : 4];
        if (version == 1) BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)text.Length);
        else BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)text.Length);
        return [0x93, .. "NUMPY"u8, version, 0, .. length, .. text, .. data];
    }
}
