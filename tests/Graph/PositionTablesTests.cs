using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Tables looked up by position stay in fp32; tables looked up by token do not.</summary>
public class PositionTablesTests
{
    private const int Rows = 128, Width = 16;

    [Theory]
    [InlineData("cos", "pos", true)]
    [InlineData("cos", "ids", true)]
    [InlineData("halves", "ids", true)]
    [InlineData("padded", "ids", true)]
    [InlineData("powers", "ids", true)]
    [InlineData("lines", "ids", true)]
    [InlineData("learned", "pos", true)]
    [InlineData("learned", "position_ids", true)]
    [InlineData("learned", "ids", false)]
    [InlineData("learned", "positive", false)]
    [InlineData("noisy", "ids", false)]
    [InlineData("identity", "ids", false)]
    public void A_table_that_an_input_indexes(string table, string index, bool isPosition)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, Width).Input(index, OnnxBuilder.Int64, 3).Constant("t", [Rows, Width], Table(table))
            .Node("Gather", $"t {index}", "p").Node("Add", "x p", "y").Output("y");
        Check(model, isPosition);
    }

    [Fact]
    public void A_part_of_speech_is_no_position()
    {
        // Concatenated with others, but not added.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, Width).Input("pos", OnnxBuilder.Int64, 3).Constant("t", [Rows, Width], Table("learned"))
            .Node("Gather", "t pos", "p").Node("Concat", "x p", "y", ("axis", 1)).Output("y");
        Check(model, isPosition: false);
    }

    [Theory]
    [InlineData("Range", true)]
    [InlineData("RangeFrom", true)]
    [InlineData("Mask", true)]
    [InlineData("MaskedMask", true)]
    [InlineData("NoPadding", true)]
    [InlineData("CountedTokens", false)]
    [InlineData("Tokens", false)]
    [InlineData("Reversed", false)]
    public void A_table_indexed_by_counted_positions(string how, bool isPosition)
    {
        var model = new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 1, "T").Input("start", OnnxBuilder.Int64, 1).Constant("t", [Rows, Width], Table("learned")).Random("w", 2, 1, 40, Width)
            .Constant("zero", [], 0L).Constant("one", [], 1L).Constant("axis", [1], 1L).Node("Gather", "w ids", "e").Node("Shape", "ids", "s").Node("Gather", "s one", "n");
        model = how switch
        {
            "Range" => model.Node("Range", "zero n one", "i"),
            "RangeFrom" => model.Node("Range", "zero n one", "r").Node("Add", "r start", "i"),
            "Mask" => model.Node("Sign", "ids", "m").Node("CumSum", "m one", "i"),
            "MaskedMask" => model.Node("Sign", "ids", "m").Node("CumSum", "m one", "c").Node("Mul", "c m", "cm").Node("Add", "cm one", "i"),
            "NoPadding" => model.Node("Equal", "ids zero", "pad").Node("Not", "pad", "used").Node("Cast", "used", "m", ("to", OnnxBuilder.Int64)).Node("CumSum", "m one", "c").Node("Mul", "c m", "i"),
            "CountedTokens" => model.Node("Sign", "ids", "m").Node("CumSum", "m one", "c").Node("Mul", "c ids", "i"),
            "Tokens" => model.Node("Add", "ids one", "i"),
            _ => model.Node("Sub", "n ids", "i"),
        };
        model.Node("Gather", "t i", "p").Node("Add", "e p", "y").Output("y");
        Check(model, isPosition);
    }

    [Fact]
    public void A_counter_that_the_runtime_keeps_is_a_position()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, Width).Input("at", OnnxBuilder.Int64, 1).Constant("t", [Rows, Width], Table("learned")).Constant("one", [], 1L)
            .Node("Gather", "t at", "p").Node("Concat", "x p", "y", ("axis", 1)).Node("Add", "at one", "next").Output("y").Output("next", OnnxBuilder.Int64);
        Check(model, isPosition: true, new Dictionary<string, string> { ["at"] = "next" });
    }

    /// <summary>Frequencies of angles stay fp32 even when other small matrices become fp16; other products with one input do not.</summary>
    [Theory]
    [InlineData("Sin", "Cos", "fp32")]
    [InlineData("Sigmoid", "Tanh", "fp16")]
    public void Frequencies_of_angles_stay_float32(string first, string second, string kind)
    {
        var frequencies = Enumerable.Range(0, 32).Select(k => (float)Math.Pow(10000, -k / 32.0)).ToArray();
        var model = new OnnxBuilder().Input("pos", OnnxBuilder.Float, 3, 1).Constant("freq", [1, 32], frequencies).Random("w", 4, 1, 64, 40).Constant("two", [], 2f)
            .Node("MatMul", "pos freq", "a").Node("Mul", "a two", "b").Node(first, "b", "s").Node(second, "b", "c").Node("Concat", "s c", "e", ("axis", 1)).Node("MatMul", "e w", "y").Output("y");
        var tensors = model.Convert(new ConversionOptions { Weights = WeightKind.Int8 }).Tensors;
        Assert.Equal(kind, tensors.Single(t => t.Name.StartsWith("freq", StringComparison.Ordinal) && t.Weights is not null).Weights!.Value.Name());
    }

    private static void Check(OnnxBuilder model, bool isPosition, IReadOnlyDictionary<string, string>? states = null)
    {
        foreach (var kind in (WeightKind[])[WeightKind.Int8, WeightKind.Int4, WeightKind.Float16])
        {
            var converted = model.Convert(new ConversionOptions { Weights = kind, AutoStates = false, States = states ?? new Dictionary<string, string>() });
            var table = converted.Tensors.Single(t => t.Name == "t");
            Assert.Equal(isPosition, table.Weights == WeightKind.Float32);
            Assert.Equal(isPosition, table.Finer == "a table of positions");
            if (isPosition) Assert.Equal(Rows * Width * sizeof(float), table.Bytes);
            var named = model.Convert(new ConversionOptions { AutoStates = false, States = states ?? new Dictionary<string, string>(), WeightsOf = [new WeightOverride("t", kind)] });
            Assert.Equal(kind, named.Tensors.Single(t => t.Name == "t").Weights);
        }
    }

    private static float[] Table(string kind)
    {
        var random = new Random(3);
        var table = new float[Rows * Width];
        for (var t = 0; t < Rows; t++)
        {
            for (var k = 0; k < Width; k++)
            {
                var angle = t * Math.Pow(10000, -(k % 8) / 8.0);
                table[t * Width + k] = (float)(kind switch
                {
                    "cos" => Math.Cos(angle),
                    "halves" => (double)(Half)(k < 8 ? Math.Sin(angle) : Math.Cos(angle)),
                    "padded" => t < 2 ? 0 : Math.Sin(angle),
                    "powers" => Math.Pow(0.98, t * (k + 1) / 8.0),
                    "lines" => t * 0.01 * (k - 3),
                    "noisy" => Math.Sin(angle) + 0.03 * (random.NextDouble() - 0.5),
                    "identity" => t % Width == k ? 1 : 0,
                    _ => random.NextDouble() * 2 - 1,
                });
            }
        }

        return table;
    }
}
