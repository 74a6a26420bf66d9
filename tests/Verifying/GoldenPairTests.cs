using System.Buffers.Binary;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Format;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Format;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Tests.Kernels;

namespace SeqRuntime.Tests.Verifying;

/// <summary>Recorded runs: every kernel set gives their bits, and any other weight, input or bit is found.</summary>
public sealed class GoldenPairTests
{
    private static readonly byte[] s_file = SmallSeq.WithGoldenPair();

    [Theory]
    [MemberData(nameof(KernelTesting.Runnable), MemberType = typeof(KernelTesting))]
    public void Every_kernel_set_gives_the_recorded_bits(string kernels)
    {
        using var model = SeqModel.Load(s_file, new SeqModelOptions { KernelSet = kernels });
        Assert.True(model.HasGoldenPair);
        var found = model.Verify(TestContext.Current.CancellationToken);
        Assert.True(found.Passed, found.ToString());
        Assert.Equal(Recorded(s_file).Sum(g => g.Cases.Sum(c => c.Runs)), found.Runs);
        Assert.Equal($"{found.Runs} recorded runs give the same bits", found.ToString());
    }

    /// <summary>Sizes: that of samples, 1, and an odd one. Streams run three times with kept states.</summary>
    [Fact]
    public void All_graphs_are_recorded_at_several_sizes_with_carried_states()
    {
        using var model = SeqModel.Load(s_file);
        var recorded = Recorded(s_file);
        Assert.Equal(Enumerable.Range(0, model.Graphs.Count), recorded.Select(g => g.Graph));
        var tokens = recorded[0];
        Assert.Equal((InputKind.Tokens, 0, 8), (tokens.Facts[0].Kind, tokens.Facts[0].Least, tokens.Facts[0].Most));
        Assert.Equal([10, 1, 7], tokens.Cases.Select(c => c.Sizes[0]));
        Assert.All(tokens.Cases, c => Assert.Equal(3, c.Runs));
        // One output and one state in each of three runs, and no two alike.
        Assert.All(tokens.Cases, c => Assert.Equal(6, c.Sums.Distinct().Count()));
        Assert.True(s_file.Length - SeqWriter.ToArray(SmallSeq.Build()).Length < 1024);
    }

    [Fact]
    public void A_damaged_weight_is_found_by_its_checksum_even_if_loading_did_not_look()
    {
        var (file, at) = (s_file.ToArray(), Section(s_file, SeqLayout.Data).Offset);
        file[at + 3] ^= 0x20;
        using var model = SeqModel.Load(file, new SeqModelOptions { VerifyChecksums = false });
        var fault = Assert.Throws<SeqFormatException>(() => model.Verify(TestContext.Current.CancellationToken));
        Assert.Equal(SeqLayout.Data, fault.Section);
    }

    /// <summary>As if this machine computed otherwise: the checksums of the file are right, but a weight is another.</summary>
    [Fact]
    public void Other_bits_are_told_by_graph_sizes_run_and_name()
    {
        var builder = SmallSeq.Build();
        var dense = builder.Tensors.FindIndex(t => t.Name == "dense");
        var golden = Recorded(s_file);
        builder.Tensors[dense] = SmallSeq.Damaged(builder.Tensors[dense], 0, 0x40);
        builder.Golden.AddRange(golden);
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var found = model.Verify(TestContext.Current.CancellationToken);
        Assert.False(found.Passed);
        Assert.All(found.Mismatches, m => Assert.Equal(("step", "y", false), (m.GraphName, m.Name, m.IsState)));
        Assert.Equal([0, 1, 2], found.Mismatches.Select(m => m.Run));
        Assert.Equal("graph 'step', run 0, output 'y'", found.Mismatches[0].ToString());
        Assert.StartsWith("graph 'step', run 0, output 'y' does not have the recorded bits; in all ", found.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_first_state_is_told_at_each_size()
    {
        var builder = SmallSeq.Build();
        var initial = builder.Tensors.FindIndex(t => t.Name == "first");
        builder.Tensors[initial] = SmallSeq.Damaged(builder.Tensors[initial], 3, 0x40);
        builder.Golden.AddRange(Recorded(s_file));
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var first = model.Verify(TestContext.Current.CancellationToken).Mismatches.Where(m => m is { GraphName: "tokens", Run: 0 }).ToList();
        Assert.Equal([10, 10, 1, 1, 7, 7], first.Select(m => m.Sizes["T"]));
        Assert.Equal(["probabilities", "hidden"], first.Take(2).Select(m => m.Name));
        Assert.Equal([false, true], first.Take(2).Select(m => m.IsState));
        Assert.Equal("graph 'tokens' at T = 10, run 0, state 'hidden'", first[1].ToString());
    }

    [Fact]
    public void A_file_without_recorded_runs_says_how_to_get_them()
    {
        using var model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()));
        Assert.False(model.HasGoldenPair);
        Assert.Contains("--golden", Assert.Throws<InvalidOperationException>(() => model.Verify(TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var model = SeqModel.Load(s_file);
        Assert.ThrowsAny<OperationCanceledException>(() => model.Verify(new CancellationToken(canceled: true)));
    }

    /// <summary>All NaNs are one: their bits differ between processors.</summary>
    [Fact]
    public void Outputs_that_are_NaN_have_the_same_sum_everywhere()
    {
        var sums = new List<uint>();
        foreach (var nan in (uint[])[0x7FC00000, 0xFFC00000, 0x7F800001])
        {
            var builder = new SeqModelBuilder();
            var graph = builder.AddGraph("main");
            graph.Output("y", graph.Node(OpKind.Binary, [graph.Input("x", ElementType.Float32, 4), graph.Constant<float>("nan", [1], BitConverter.UInt32BitsToSingle(nan))], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
            using var model = SeqModel.Load(SeqWriter.ToArray(builder));
            sums.Add(GoldenPairs.Of(model).Graphs[0].Cases[0].Sums[0]);
        }

        Assert.Single(sums.Distinct());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Graphs_of_decoders_are_recorded_one_by_one(int seed)
    {
        foreach (var file in new[] { SmallDecoder.Make(seed, batched: seed == 2), SmallDecoder.Language(seed, batched: seed == 2), SmallFrames.Ctc(seed), SmallFrames.Transducer(seed, batched: false) })
        {
            using var model = SeqModel.Load(file);
            var golden = GoldenPairs.Of(model);
            Assert.Empty(golden.Missing);
            Assert.Equal(model.Graphs.Count, golden.Graphs.Count);
        }
    }

    /// <summary>A cache grows by the steps of each run, and its content is recorded.</summary>
    [Fact]
    public void Growing_caches_are_recorded()
    {
        var onnx = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, "T", 3).Input("past", OnnxBuilder.Float, 1, "P", 3)
            .Node("Concat", "past x", "present", ("axis", 1)).Node("ReduceSum", "present axes", "y", ("keepdims", 0)).Constant("axes", [1], 1L).Output("y").Output("present");
        using var model = onnx.Load(new ConversionOptions { CacheSteps = 20 });
        var graph = Assert.Single(GoldenPairs.Of(model).Graphs);
        Assert.All(graph.Cases, c => Assert.Contains(20, c.Sizes));
        Assert.All(graph.Cases, c => Assert.True(c.Runs * c.Sizes[Array.FindIndex(c.Sizes, s => s != 20)] <= 20));
        Assert.Equal(3, graph.Cases.Max(c => c.Runs));
    }

    [Fact]
    public void Damaged_records_are_refused_or_compared()
    {
        var random = new Random(5);
        var (offset, length) = Section(s_file, SeqLayout.Golden);
        int refused = 0, differed = 0;
        for (var i = 0; i < 3000; i++)
        {
            var file = s_file.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--) file[offset + random.Next(length)] = (byte)random.Next(256);
            SectionTable.Recompute(file);
            using var model = SeqModel.Load(file);
            try
            {
                if (!model.Verify(new SeqSessionOptions { MemoryLimitBytes = 1 << 24, WorkLimit = 10_000_000 }, CancellationToken.None).Passed) differed++;
            }
            catch (SeqFormatException)
            {
                refused++;
            }
        }

        Assert.True(refused > 100 && differed > 100, $"{refused} refused, {differed} differed");
    }

    [Fact]
    public void Every_truncation_of_the_records_is_refused()
    {
        var entry = SectionTable.EntryOf(s_file, SeqLayout.Golden);
        var (_, length) = Section(s_file, SeqLayout.Golden);
        for (var cut = 0; cut < length; cut++)
        {
            var file = s_file.ToArray();
            BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(entry + 16), cut);
            SectionTable.Recompute(file);
            using var model = SeqModel.Load(file);
            var fault = Assert.Throws<SeqFormatException>(() => model.Verify(TestContext.Current.CancellationToken));
            Assert.Equal(SeqLayout.Golden, fault.Section);
        }
    }

    /// <summary>More work than a user would wait for is refused, also in many small runs.</summary>
    [Fact]
    public void Recorded_runs_that_take_too_long_are_refused()
    {
        var builder = SmallSeq.Build();
        builder.Golden.Add(new GoldenGraph(0, [new InputFact(InputKind.Tokens, 0, 8)], [new GoldenCase([1 << 20], 1, 0, 1, [0, 0])]));
        using var large = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.Throws<SeqFormatException>(() => large.Verify(new SeqSessionOptions { WorkLimit = 1_000_000 }, CancellationToken.None));

        builder.Golden.Clear();
        builder.Golden.Add(new GoldenGraph(0, [new InputFact(InputKind.Tokens, 0, 8)], [new GoldenCase([400], 1, 0, 500, new uint[1000])]));
        using var many = SeqModel.Load(SeqWriter.ToArray(builder));
        var fault = Assert.Throws<SeqFormatException>(() => many.Verify(new SeqSessionOptions { WorkLimit = 1_000_000 }, CancellationToken.None));
        Assert.Contains("together", fault.Message, StringComparison.Ordinal);
    }

    private static (int Offset, int Length) Section(byte[] file, string name)
    {
        var entry = file.AsSpan(SectionTable.EntryOf(file, name));
        return ((int)BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), (int)BinaryPrimitives.ReadInt64LittleEndian(entry[16..]));
    }

    private static unsafe GoldenGraph[] Recorded(byte[] file)
    {
        using var model = SeqModel.Load(file);
        fixed (byte* start = file) return SeqReader.ReadGolden(model.Loaded.Stored, start, file.Length)!;
    }
}
