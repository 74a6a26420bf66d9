using System.Text;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Tests.Importers;

/// <summary>Two numbers of each type that a file of weights holds: floats become float32, int16 becomes int32, and other integers keep their type.</summary>
public sealed class StoredTypeTests
{
    [Theory]
    [InlineData("F64", "000000000000F83F00000000000000C0", ElementType.Float32, 1.5f, -2f)]
    [InlineData("F32", "0000C03F000000C0", ElementType.Float32, 1.5f, -2f)]
    [InlineData("F16", "003E00C0", ElementType.Float32, 1.5f, -2f)]
    [InlineData("BF16", "C03F00C0", ElementType.Float32, 1.5f, -2f)]
    [InlineData("I64", "0100000000000000FEFFFFFFFFFFFFFF", ElementType.Int64, 1f, -2f)]
    [InlineData("I32", "01000000FEFFFFFF", ElementType.Int32, 1f, -2f)]
    [InlineData("I16", "0100FEFF", ElementType.Int32, 1f, -2f)]
    [InlineData("I8", "01FE", ElementType.Int8, 1f, -2f)]
    [InlineData("U8", "01FE", ElementType.UInt8, 1f, 254f)]
    [InlineData("BOOL", "0100", ElementType.Bool, 1f, 0f)]
    public void A_tensor_of_a_safetensors_file_has_the_numbers_of_its_bytes(string type, string bytes, ElementType expected, float first, float second)
    {
        var tensor = Read(type, Convert.FromHexString(bytes));
        Assert.Equal(expected, tensor.Type);
        Assert.Equal([2], tensor.Shape);
        Assert.Equal([first, second], tensor.ToFloats());
    }

    [Fact]
    public void A_type_that_is_not_read_is_refused_with_those_that_are() =>
        Assert.Contains("tensor 'w' has type F8_E4M3; save it as F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL", Assert.Throws<ConversionException>(() => Read("F8_E4M3", new byte[2])).Message, StringComparison.Ordinal);

    private static IrTensor Read(string type, byte[] data)
    {
        var header = Encoding.UTF8.GetBytes($$$"""{"w":{"dtype":"{{{type}}}","shape":[2],"data_offsets":[0,{{{data.Length}}}]}}""");
        return Assert.Single(SafetensorsReader.Read([.. BitConverter.GetBytes((long)header.Length), .. header, .. data], "a.safetensors")).Value;
    }
}
