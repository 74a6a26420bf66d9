using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Lowering;

/// <summary>The chosen bits of each matrix: never more bytes than a more precise format takes, and small weights are never lost.</summary>
public class WeightChoiceTests
{
    [Theory]
    [InlineData("int8", 8, "fp32", "fp32")]
    [InlineData("int4", 8, "fp32", "fp32")]
    [InlineData("fp16", 8, "fp32", "fp32")]
    [InlineData("bf16", 12, "bf16", "bf16")]
    [InlineData("int8", 12, "int8", "int8")]
    [InlineData("int4", 12, "int8", "int8")]
    [InlineData("int8g32", 64, "int8g32", "int8g32")]
    public void Weights_are_counted_without_padding(string kind, int hidden, string input, string recurrent)
    {
        // 4 gates of 8 units by 8 are 256 weights, in tiles of 16 units 512; by 12 they are 576.
        var model = Lstm(hidden, hidden, 1);
        var stored = Stored(model, kind);
        Assert.Equal([("w", input), ("r", recurrent)], stored);
        Assert.Equal([4 * hidden, hidden], model.Convert(new ConversionOptions { Weights = Kind(kind) }).Tensors[0].Shape);
    }

    [Fact]
    public void The_matrices_of_a_grouped_convolution_count_together()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 32, 20).Random("w", 1, 1, 64, 8, 3).Node("Conv", "x w", "y", ("group", 4)).Output("y");
        Assert.Equal([("w", "int8")], Stored(model, "int8"));
        Assert.Equal([64, 8, 3], model.Convert().Tensors[0].Shape);
    }

    /// <summary>No storage takes more bytes than a more precise one, for any matrix.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Fewer_bits_are_never_more_bytes(int rows, int columns)
    {
        var model = Product(rows, columns, 1);
        var bytes = new Dictionary<WeightKind, long>();
        foreach (var kind in Enum.GetValues<WeightKind>())
            bytes[kind] = model.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("w", kind)] }).File.Length;
        foreach (var kind in (WeightKind[])[WeightKind.Float16, WeightKind.BFloat16, WeightKind.Int8, WeightKind.Int8Grouped, WeightKind.Int4])
        {
            var converted = model.Convert(new ConversionOptions { Weights = kind });
            var tensor = Assert.Single(converted.Tensors, t => t.Weights is not null);
            Assert.True(converted.File.Length <= bytes.Values.Min() || kind != WeightKind.Int4 || tensor.Finer is not null, "another storage is smaller");
            foreach (var finer in tensor.Weights!.Value.AndFiner().Skip(1)) Assert.True(bytes[finer] > bytes[tensor.Weights!.Value], $"[{rows}, {columns}] is in {tensor.Weights} though {finer} takes no more");
            if (tensor.Weights != kind && rows * columns >= 512) Assert.NotNull(tensor.Finer);
        }
    }

    public static TheoryData<int, int> Sizes
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (var rows in (int[])[1, 5, 16, 33, 130, 700])
            {
                foreach (var columns in (int[])[1, 2, 4, 7, 8, 9, 12, 16, 31, 33, 48, 70, 129, 520])
                {
                    if (rows * columns >= 512) data.Add(rows, columns);
                }
            }

            return data;
        }
    }

    [Theory]
    [InlineData(1e-5f, true)]
    [InlineData(1e-6f, true)]
    [InlineData(1e-7f, true)]
    [InlineData(1e-30f, true)]
    [InlineData(1e-42f, true)]
    [InlineData(1e-3f, false)]
    [InlineData(1f, false)]
    [InlineData(60_000f, false)]
    [InlineData(70_000f, true)]
    public void Fp16_keeps_what_its_exponents_cannot_hold(float range, bool isKept)
    {
        foreach (var model in (OnnxBuilder[])[Product(rows: 40, columns: 30, range), Lstm(hidden: 30, inputs: 20, range), Convolution(range)])
        {
            foreach (var tensor in model.Convert(new ConversionOptions { Weights = WeightKind.Float16 }).Tensors.Where(t => t.Weights is not null))
            {
                Assert.Equal(isKept ? WeightKind.Float32 : WeightKind.Float16, tensor.Weights);
                Assert.Equal(isKept, tensor.Finer is not null);
            }
        }
    }

    /// <summary>Eight bits at any magnitude; only what would round to infinity stays fp32.</summary>
    [Theory]
    [InlineData(1e-40f, "bf16")]
    [InlineData(1e-30f, "bf16")]
    [InlineData(1f, "bf16")]
    [InlineData(1e38f, "bf16")]
    [InlineData(float.MaxValue, "fp32")]
    public void Bf16_keeps_all_magnitudes(float largest, string storage)
    {
        var weights = Numbers.Random(4, 40 * 30);
        for (var i = 0; i < weights.Length; i++) weights[i] *= largest / 2;
        weights[77] = largest;
        var tensor = Assert.Single(new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 30).Constant("w", [40, 30], weights).Node("Gemm", "x w", "y", ("transB", 1)).Output("y")
            .Convert(new ConversionOptions { Weights = WeightKind.BFloat16 }).Tensors);
        Assert.Equal(storage, tensor.Weights!.Value.Name());
        if (storage == "bf16" && largest > 1e-37f) Assert.InRange(tensor.Error!.Value, 5e-4, 2.5e-3);
        else if (storage == "fp32") Assert.Equal("a weight is outside ±3.39e38", tensor.Finer);
    }

    [Fact]
    public void Fp16_keeps_a_matrix_whose_rows_differ_and_loses_dead_ones()
    {
        var weights = Numbers.Random(3, 40 * 30);
        for (var i = 0; i < 30; i++) weights[7 * 30 + i] *= 1e-6f;
        Assert.Matches(@"a row's error in fp16 would be \d\.?\d*%", Assert.Single(Converted(weights, "fp16").Tensors).Finer);
        Assert.Equal(WeightKind.Float16, Converted(weights, "fp32", "w=fp16").Tensors[0].Weights);
        for (var i = 0; i < 30; i++) weights[7 * 30 + i] = 1e-38f;
        Assert.Equal(WeightKind.Float16, Converted(weights, "fp16").Tensors[0].Weights);

        static ConversionResult Converted(float[] weights, string kind, params string[] of) =>
            new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 30).Constant("w", [40, 30], weights).Node("Gemm", "x w", "y", ("transB", 1)).Output("y")
                .Convert(new ConversionOptions { Weights = Kind(kind), WeightsOf = [.. of.Select(o => new WeightOverride(o.Split('=')[0], Kind(o.Split('=')[1])))] });
    }

    [Theory]
    [InlineData("int8")]
    [InlineData("int8g32")]
    [InlineData("int4")]
    public void Weights_below_what_scales_can_tell_stay_in_fp32(string kind)
    {
        foreach (var (range, storage) in ((float, string)[])[(1e-35f, kind), (1e-37f, "fp32"), (1e-43f, "fp32")])
        {
            // Three products, so that the middle one is not at an edge.
            var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 40).Random("a", 1, 1, 40, 40).Random("w", 2, range, 40, 40).Random("z", 3, 1, 40, 40)
                .Node("MatMul", "x a", "h").Node("MatMul", "h w", "g").Node("MatMul", "g z", "y").Output("y");
            var tensor = model.Convert(new ConversionOptions { Weights = Kind(kind) }).Tensors.Single(t => t.Name == "w");
            Assert.Equal(storage, tensor.Weights!.Value.Name());
            if (storage == "fp32") Assert.Equal("all weights are below 1e-36", tensor.Finer);
        }
    }

    [Fact]
    public void A_table_of_masks_stays_as_it_is()
    {
        var mask = new float[64 * 64];
        for (var i = 0; i < mask.Length; i++) mask[i] = i % 64 > i / 64 ? float.NegativeInfinity : 0;
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 64).Input("i", OnnxBuilder.Int64, 3).Constant("mask", [64, 64], mask).Node("Gather", "mask i", "m").Node("Add", "x m", "s").Node("Softmax", "s", "y").Output("y");
        foreach (var kind in (string[])["int8", "int4", "fp16"])
        {
            Assert.Equal("it holds infinity or NaN", Assert.Single(model.Convert(new ConversionOptions { Weights = Kind(kind) }).Tensors).Finer);
            var fault = Assert.Throws<ConversionException>(() => model.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("mask", Kind(kind))] }));
            Assert.Contains($"'mask' cannot be stored as {kind}: it holds infinity or NaN. Choose another with --weights-of 'mask=fp32'", fault.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("int8", "", "", "nothing quantized: matrices of fewer than 512 weights stay fp32 (--weights-of '*=int8' overrules)")]
    [InlineData("fp16", "", "", "nothing quantized: matrices of fewer than 512 weights stay fp32 (--weights-of '*=fp16' overrules)")]
    [InlineData("int8", "*=int8", "", "not smaller in int8 than in fp16: w")]
    [InlineData("fp32", "", "r", "--keep 'r' changes nothing: r is stored like this without it")]
    [InlineData("int8", "*=fp32", "", "nothing quantized: tensors chosen by name stay fp32; --weights-of '*=fp32' changes nothing: w, r are stored like this without it")]
    [InlineData("fp32", "", "", "")]
    public void A_request_that_changes_nothing_says_so(string kind, string of, string keep, string notes)
    {
        var options = new ConversionOptions { Weights = Kind(kind), WeightsOf = of.Length == 0 ? [] : [new WeightOverride(of.Split('=')[0], Kind(of.Split('=')[1]))], Keep = keep.Length == 0 ? [] : [keep] };
        Assert.Equal(notes, string.Join("; ", Lstm(hidden: 8, inputs: 6, range: 1).Convert(options).WeightNotes));
    }

    /// <summary>Next to a quantized matrix, a small one becomes fp16 if that saves a hundredth of the file; naming the large one changes nothing.</summary>
    [Theory]
    [InlineData(20, "int8", "fp16")]
    [InlineData(60, "int4", "fp16")]
    [InlineData(20, "fp16", "fp16")]
    [InlineData(20, "bf16", "bf16")]
    [InlineData(60, "fp32", "fp32")]
    [InlineData(600, "int8", "fp32")]
    [InlineData(2, "int8", "fp32")]
    public void Small_matrices_become_float16_if_that_saves_enough(int hidden, string kind, string small)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 240).Random("a", 1, 1, 240, hidden).Random("b", 2, 1, hidden, 10).Random("c", 3, 1, 10, 4).Node("MatMul", "x a", "h").Node("MatMul", "h b", "g").Node("MatMul", "g c", "y").Output("y");
        Assert.Contains(("c", small), Stored(model, kind));
        var named = model.Convert(new ConversionOptions { Weights = Kind(kind), Keep = ["a"] });
        Assert.Equal(small, named.Tensors.Single(t => t.Name == "c").Weights!.Value.Name());
    }

    /// <summary>Small weights that fp16 would lose stay fp32, and the report says why.</summary>
    [Fact]
    public void Small_matrices_that_float16_would_lose_stay_float32()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 40).Random("a", 1, 1, 40, 60).Random("b", 2, 1e-7f, 60, 3).Node("MatMul", "x a", "h").Node("MatMul", "h b", "y").Output("y");
        var stored = model.Convert(new ConversionOptions { Weights = WeightKind.Int8 }).Tensors.Single(t => t.Name == "b");
        Assert.Equal(WeightKind.Float32, stored.Weights);
        Assert.Contains("a row's error in fp16", stored.Finer, StringComparison.Ordinal);
    }

    [Fact]
    public void Small_matrices_are_named_in_a_note()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 40).Random("a", 1, 1, 40, 60).Random("b", 2, 1, 60, 3).Node("MatMul", "x a", "h").Node("MatMul", "h b", "y").Output("y");
        Assert.Equal("fewer than 512 weights, so fp16: b", Assert.Single(model.Convert(new ConversionOptions { Weights = WeightKind.Int8 }).WeightNotes));
        Assert.Empty(model.Convert(new ConversionOptions { Weights = WeightKind.Int8, WeightsOf = [new WeightOverride("b", WeightKind.Int8)] }).WeightNotes);
    }

    private static List<(string, string)> Stored(OnnxBuilder model, string kind) =>
        [.. model.Convert(new ConversionOptions { Weights = Kind(kind) }).Tensors.Where(t => t.Weights is not null).Select(t => (t.Name, t.Weights!.Value.Name()))];

    private static WeightKind Kind(string name) => WeightKinds.Parse(name)!.Value;

    private static OnnxBuilder Product(int rows, int columns, float range) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, columns).Random("w", 1, range, rows, columns).Node("Gemm", "x w", "y", ("transB", 1)).Output("y");

    private static OnnxBuilder Convolution(float range) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 16, 20).Random("w", 1, range, 32, 16, 3).Node("Conv", "x w", "y").Output("y");

    private static OnnxBuilder Lstm(int hidden, int inputs, float range) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, inputs).Random("w", 1, range, 1, 4 * hidden, inputs).Random("r", 2, range, 1, 4 * hidden, hidden)
            .Node("LSTM", "x w r", "y", ("hidden_size", hidden)).Output("y");
}
