using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Quantization;

/// <summary>The matrices that int4 stores more precisely: edges and tables, the smallest first, up to half of the weights. Naming one changes no other.</summary>
public class SensitiveTensorsTests
{
    private const int Features = 40, Wide = 72;

    [Theory]
    [InlineData(32, "a int8, o int8", "i")]
    [InlineData(64, "a int8, o int8", "i")]
    [InlineData(128, "a int8, o int8, i int8", "")]
    public void Edges_are_kept_the_smallest_first(int hidden, string kept, string left)
    {
        var converted = Model(hidden).Convert(new ConversionOptions { Weights = WeightKind.Int4 });
        Assert.Equal(kept, string.Join(", ", converted.Tensors.Where(t => t.Weights == WeightKind.Int8).OrderBy(t => t.Count).Select(t => $"{t.Name} int8")));
        Assert.All(converted.Tensors.Where(t => t.Weights == WeightKind.Int8), t => Assert.Equal("at the graph's edge", t.Finer));
        var int4 = converted.Tensors.Where(t => t.Weights is not null).Sum(t => t.Count);
        Assert.InRange(converted.Tensors.Where(t => t.Weights == WeightKind.Int8).Sum(t => t.Count), 1, int4 / 2);
        if (left.Length == 0) Assert.Empty(converted.WeightNotes);
        else Assert.Equal($"sensitive too, but left in int4, because the tensors above are already half of the weights: {left}; --weights-of 'NAME=int8' raises one", Assert.Single(converted.WeightNotes));
    }

    [Theory]
    [InlineData("int4")]
    [InlineData("int8")]
    public void Naming_a_matrix_changes_no_other(string kind)
    {
        var model = Model(32);
        // One matrix with a large error, which uses the others' share while it is free.
        model.Graph.Initializer.First(t => t.Name == "r").RawData = Google.Protobuf.ByteString.CopyFrom(Spiky(4 * 32 * 32));
        var options = new ConversionOptions { Weights = WeightKinds.Parse(kind)!.Value };
        var free = Stored(model, options);
        foreach (var name in free.Keys)
        {
            foreach (var asked in Enum.GetValues<WeightKind>())
            {
                var named = Stored(model, new ConversionOptions { Weights = options.Weights, WeightsOf = [new WeightOverride(name, asked)] });
                Assert.Equal(asked, named[name]);
                Assert.Equal(free.Where(f => f.Key != name), named.Where(f => f.Key != name));
            }
        }
    }

    [Fact]
    public void Tables_that_are_looked_up_count_as_edges()
    {
        OnnxBuilder Tables(int rows) => new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 3).Random("small", 1, 1, 30, 64).Random("table", 2, 1, rows, 64).Random("m", 3, 1, 64, 64).Random("n", 4, 1, 64, 64).Random("o", 5, 1, 64, 64)
            .Node("Gather", "small ids", "e").Node("Gather", "table ids", "f").Node("Add", "e f", "g").Node("MatMul", "g m", "h").Node("MatMul", "h n", "k").Node("MatMul", "k o", "y").Output("y");
        var converted = Tables(40).Convert(new ConversionOptions { Weights = WeightKind.Int4 });
        Assert.Equal(["small", "table"], converted.Tensors.Where(t => t.Finer == "a table that is looked up").Select(t => t.Name));
        Assert.Equal(WeightKind.Int8, converted.Tensors.Single(t => t.Name == "table").Weights);
        converted = Tables(1000).Convert(new ConversionOptions { Weights = WeightKind.Int4 });
        Assert.Equal(WeightKind.Int4, converted.Tensors.Single(t => t.Name == "table").Weights);
        Assert.Equal(WeightKind.Int8, converted.Tensors.Single(t => t.Name == "small").Weights);
    }

    [Fact]
    public void A_table_is_packed_only_where_that_makes_it_smaller()
    {
        // With 4 columns, a row takes 16 bytes in int8 with scales and sums, 32 in int4, 16 in fp32 and 8 in fp16.
        var narrow = new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 3).Random("table", 2, 1, 500, 4).Node("Gather", "table ids", "y").Output("y");
        var fp32 = narrow.Convert().File.Length;
        foreach (var kind in (WeightKind[])[WeightKind.Int8, WeightKind.Int4])
        {
            var converted = narrow.Convert(new ConversionOptions { Weights = kind });
            Assert.Equal(WeightKind.Float16, converted.Tensors[0].Weights);
            Assert.True(converted.File.Length < fp32);
        }
    }

    /// <summary>The first product "a", an LSTM that reads its result and the input, and the last product "o".</summary>
    private static OnnxBuilder Model(int hidden) => new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, Features)
        .Random("a", 1, 1, Features, Wide - Features).Random("i", 2, 1, 1, 4 * hidden, Wide).Random("r", 3, 1, 1, 4 * hidden, hidden).Random("m", 6, 1, hidden, 64).Random("o", 4, 1, 64, 22).Constant("axes", [1], 1L)
        .Node("MatMul", "x a", "d").Node("Concat", "d x", "k", ("axis", 2)).Node("LSTM", "k i r", "l", ("hidden_size", hidden)).Node("Squeeze", "l axes", "s").Node("MatMul", "s m", "t").Node("MatMul", "t o", "y").Output("y");

    private static Dictionary<string, WeightKind> Stored(OnnxBuilder model, ConversionOptions options) =>
        model.Convert(options).Tensors.Where(t => t.Weights is not null).ToDictionary(t => t.Name, t => t.Weights!.Value);

    /// <summary>In each row of 32, a few weights are 20 times as large as the others.</summary>
    private static byte[] Spiky(int count)
    {
        var random = new Random(9);
        var weights = new float[count];
        for (var i = 0; i < count; i++) weights[i] = (random.NextSingle() * 2 - 1) * (i % 11 == 0 ? 20 : 1);
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(weights.AsSpan()).ToArray();
    }
}
