using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>
/// Truncated, damaged or invented files: a model is loaded and its sessions are made and run, or a documented exception is thrown. The
/// bytes end before an unreadable page, so a read past the end is a crash.
/// </summary>
public sealed class HostileSeqTests(ITestOutputHelper output) : IDisposable
{
    private const int Mutations = 20_000;
    private static readonly byte[] s_file = SeqWriter.ToArray(SmallSeq.Build());
    private readonly GuardedFile _memory = Guarded();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_truncation_is_refused(bool verify)
    {
        for (var length = 0; length < s_file.Length; length++)
        {
            var fault = Try(s_file.AsSpan(0, length), verify);
            Assert.IsType<SeqFormatException>(fault);
        }
    }

    /// <summary>The same with a matching file length in the header, so that the checks of the section table and of the sections must notice.</summary>
    [Fact]
    public void Every_truncation_that_the_header_admits_is_refused()
    {
        for (var length = SeqLayout.HeaderBytes; length < s_file.Length; length++)
        {
            var cut = s_file[..length];
            BinaryPrimitives.WriteInt64LittleEndian(cut.AsSpan(SeqLayout.FileLengthAt), length);
            Assert.IsType<SeqFormatException>(Try(cut, verify: false));
        }
    }

    [Theory]
    [InlineData(Checksums.Verified)]
    [InlineData(Checksums.Ignored)]
    [InlineData(Checksums.Recomputed)]
    public void Mutations_run_or_are_refused(Checksums checksums)
    {
        var random = new Random((int)checksums);
        int ran = 0, refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var mutant = SeqMutation.Of(s_file, random);
            if (checksums == Checksums.Recomputed) SectionTable.Recompute(mutant);
            var fault = Try(mutant, checksums != Checksums.Ignored);
            if (fault is null) ran++;
            else if (fault is SeqFormatException or SeqDataException or ArgumentException) refused++;
            else Assert.Fail($"mutation {i}: {fault}");
        }

        output.WriteLine($"{checksums}: {ran} ran, {refused} were refused");
        Assert.True(refused > Mutations / 10);
        if (checksums != Checksums.Verified) Assert.True(ran > Mutations / 100);
    }

    [Fact]
    public void Random_bytes_are_refused()
    {
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            var bytes = new byte[random.Next(1, 2_000)];
            random.NextBytes(bytes);
            if (i % 2 == 0 && bytes.Length >= sizeof(ulong)) BinaryPrimitives.WriteUInt64LittleEndian(bytes, SeqLayout.Magic);
            Assert.IsType<SeqFormatException>(Try(bytes, i % 3 == 0));
        }
    }

    [Fact]
    public void Errors_say_file_section_and_offset()
    {
        using var folder = new TemporaryFolder();
        var path = folder["model.seq"];
        var damaged = (byte[])s_file.Clone();
        var graphs = Section(damaged, SeqLayout.Graphs);
        ReadOnlySpan<byte> mostAsCompactNumber = [0xFE, 0xFF, 0xFF, 0xFF, 0x0F];
        mostAsCompactNumber.CopyTo(damaged.AsSpan(graphs.Offset));
        File.WriteAllBytes(path, damaged);
        var checksum = Assert.Throws<SeqFormatException>(() => SeqModel.Load(path));
        Assert.Contains(path, checksum.Message, StringComparison.Ordinal);
        Assert.Contains($"section {SeqLayout.Graphs} (offset {graphs.Offset}", checksum.Message, StringComparison.Ordinal);
        var count = Assert.Throws<SeqFormatException>(() => SeqModel.Load(path, new SeqModelOptions { VerifyChecksums = false }));
        Assert.Equal((path, SeqLayout.Graphs, null), (checksum.FileName, checksum.Section, checksum.Offset));
        Assert.Equal((path, SeqLayout.Graphs, 5L), (count.FileName, count.Section, count.Offset));
        var fromMemory = Assert.Throws<SeqFormatException>(() => SeqModel.Load(damaged, new SeqModelOptions { VerifyChecksums = false }));
        Assert.Equal((null, SeqLayout.Graphs, 5L), (fromMemory.FileName, fromMemory.Section, fromMemory.Offset));
        Assert.Contains($"{path}: section {SeqLayout.Graphs}, offset 5: a count of {int.MaxValue}", count.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(SeqLayout.Required)]
    public void An_unknown_section_of_a_newer_minor_version_is_ignored_unless_required(uint flags)
    {
        var newer = (byte[])s_file.Clone();
        BinaryPrimitives.WriteUInt16LittleEndian(newer.AsSpan(SeqLayout.MinorAt), SeqLayout.Minor + 1);
        var entry = Section(newer, SeqLayout.Tables).Entry;
        BinaryPrimitives.WriteUInt32LittleEndian(newer.AsSpan(entry), SeqLayout.SectionId("NEWS"));
        BinaryPrimitives.WriteUInt32LittleEndian(newer.AsSpan(entry + 4), flags);
        SectionTable.Recompute(newer);
        var fault = Try(newer, verify: true);
        if (flags == 0) Assert.Null(fault);
        else Assert.Contains("section NEWS is required", Assert.IsType<SeqFormatException>(fault).Message, StringComparison.Ordinal);
    }

    /// <summary>An unknown format in the table of tensors, and sizes that no such matrix has.</summary>
    [Fact]
    public void An_unknown_tensor_format_asks_for_a_newer_runtime_and_wrong_sizes_are_refused()
    {
        AssertTensor("int4 W", t => t with { Format = (TensorFormat)(WeightFormats.All.Count + 1) }, $"tensor 'int4 W' has the format {WeightFormats.All.Count + 1}, which is unknown to this runtime (it knows {SeqLayout.Major}.{SeqLayout.Minor}). Use a newer runtime.");
        AssertTensor("int4 W", t => t with { Shape = [16, Int4Format.MostColumns + 1] }, $"tensor 'int4 W' has {Int4Format.MostColumns + 1} columns; int4 allows at most {Int4Format.MostColumns}");
        AssertTensor("embedding", t => t with { Shape = [9, Int8Format.MaxNarrowColumns + 1] }, $"tensor 'embedding' has {Int8Format.MaxNarrowColumns + 1} columns; narrow int8 allows at most {Int8Format.MaxNarrowColumns}");
        AssertTensor("int8g32", t => t with { Shape = [9, Int8GroupFormat.MostColumns + 1] }, $"tensor 'int8g32' has {Int8GroupFormat.MostColumns + 1} columns; int8g32 allows at most {Int8GroupFormat.MostColumns}");
        AssertTensor("int8g32", t => t with { Shape = [9, 65] }, "the tensors take");
        AssertTensor("int4 W", t => t with { Shape = [16, Int4Format.MostColumns] }, "tensor 'int4 W' of shape");
        AssertTensor("int4 W", t => t with { Shape = [16, 65] }, "the tensors take");
        AssertTensor("int4 W", t => t with { Shape = [int.MaxValue, 35] }, "tensor 'int4 W'");
        AssertTensor("int4 W", t => t with { Shape = [0, 35] }, "tensor 'int4 W' is not a list of packed matrices");
        AssertTensor("fp16", t => t with { Shape = [t.Shape[0], int.MaxValue] }, "tensor 'fp16'");
        AssertTensor("fp16", t => t with { Shape = [17, t.Shape[1]] }, "the tensors take");
        AssertTensor("bias", t => t with { PanelRows = WeightLayout.GruPanel }, "tensor 'bias' is dense but has panels");

        void AssertTensor(string name, Func<TensorDefinition, TensorDefinition> damage, string message)
        {
            var model = SmallSeq.Build();
            var at = model.Tensors.FindIndex(t => t.Name == name);
            model.Tensors[at] = damage(model.Tensors[at]);
            var damaged = SeqWriter.ToArray(model);
            using var memory = new GuardedFile(damaged.Length);
            Assert.Contains(message, Assert.Throws<SeqFormatException>(() => SeqModel.Load(memory.Put(damaged))).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A name is stored once and given to each output of its node.</summary>
    [Fact]
    public void A_long_name_of_a_node_with_many_outputs_is_refused()
    {
        const int outputs = 70;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, outputs);
        graph.Output("y", graph.NodeMany(OpKind.Split, [x], outputs, name: new string('n', SeqLayout.MaxString))[0]);
        var fault = Assert.Throws<SeqFormatException>(() => SeqModel.Load(SeqWriter.ToArray(model)));
        Assert.Contains("the names of values are longer than 67108864 letters", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>Group scales of 0 and -128, which no writer stores, and nibbles and scales of every value: such weights run with the same bits on every kernel set.</summary>
    [Fact]
    public void Any_content_of_int4_weights_runs_with_the_same_bits_on_every_kernel_set()
    {
        var random = new Random(9);
        for (var i = 0; i < 50; i++)
        {
            var file = (byte[])s_file.Clone();
            var w = DataOf(file, "int4 W");
            var layout = new WeightLayout(TensorFormat.PackedInt4, 16, 35);
            var panels = file.AsSpan(w, (int)layout.PanelsBytes);
            random.NextBytes(panels);
            for (var row = 0; i % 2 == 0 && row < 16; row++) panels[Int4Format.ScaleOffset(layout, row, 1)] = i % 4 == 0 ? (byte)0 : (byte)128;
            SectionTable.Recompute(file);
            float[]? first = null;
            foreach (var kernels in SeqKernelSets.Supported)
            {
                using var model = SeqModel.Load(_memory.Put(file), new SeqModelOptions { KernelSet = kernels });
                using var session = model.CreateSession("packed");
                for (var k = 0; k < 35; k++) session.Input<float>(0)[k] = MathF.Sin(k + i);
                session.Run();
                first ??= session.Output<float>(0).ToArray();
                Assert.Equal(first, session.Output<float>(0).ToArray());
            }
        }
    }

    /// <summary>Any bytes are weights, infinities and values that are no number among them, with the same results everywhere.</summary>
    [Theory]
    [InlineData("bf16", 1)]
    [InlineData("int8g32", 2)]
    public void Any_content_runs_with_the_same_bits_on_every_kernel_set(string name, int output)
    {
        var random = new Random(10);
        for (var i = 0; i < 50; i++)
        {
            var file = (byte[])s_file.Clone();
            var tensor = SmallSeq.Build().Tensors.Single(t => t.Name == name);
            random.NextBytes(file.AsSpan(DataOf(file, name), tensor.Data.Length));
            SectionTable.Recompute(file);
            float[]? first = null;
            foreach (var kernels in SeqKernelSets.Supported)
            {
                using var model = SeqModel.Load(_memory.Put(file), new SeqModelOptions { KernelSet = kernels });
                using var session = model.CreateSession("packed");
                for (var k = 0; k < 35; k++) session.Input<float>(0)[k] = MathF.Sin(k + i);
                session.Run();
                first ??= session.Output<float>(output).ToArray();
                Numbers.AssertSameBits(first, session.Output<float>(output), $"{kernels} {name}");
            }
        }
    }

    [Fact]
    public void The_model_itself_runs() => Assert.Null(Try(s_file, verify: true));

    public void Dispose() => ((IDisposable)_memory).Dispose();

    private static GuardedFile Guarded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs mmap and mprotect of Linux");
        return new GuardedFile(2 * s_file.Length);
    }

    /// <summary>Loads a model, makes a session of each graph and runs it twice. Returns the exception, if there was one.</summary>
    private Exception? Try(ReadOnlySpan<byte> file, bool verify)
    {
        try
        {
            using var model = SeqModel.Load(_memory.Put(file), new SeqModelOptions { VerifyChecksums = verify });
            foreach (var graph in model.Graphs)
            {
                var options = new SeqSessionOptions { MemoryLimitBytes = 1 << 24 };
                foreach (var symbol in graph.Symbols) options.MaxSizes[symbol] = SmallSeq.LongestLength;
                using var session = model.CreateSession(graph.Name, options);
                session.Run();
                foreach (var symbol in graph.Symbols) session.SetSize(symbol, 1);
                session.Run();
                session.ResetState();
                for (var o = 0; o < session.Outputs.Count; o++) _ = session.Outputs[o].Shape;
            }

            return null;
        }
        catch (Exception fault)
        {
            return fault;
        }
    }

    /// <summary>The position of a tensor's bytes.</summary>
    private static int DataOf(byte[] file, string name)
    {
        var tensors = SmallSeq.Build().Tensors;
        return Section(file, SeqLayout.Data).Offset + (int)SeqLayout.Place([.. tensors.Select(t => (long)t.Data.Length)]).Offsets[tensors.FindIndex(t => t.Name == name)];
    }

    private static (int Entry, int Offset) Section(byte[] file, string name)
    {
        var entry = SectionTable.EntryOf(file, name);
        return (entry, (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(entry + 8)));
    }

    /// <summary>What is done with a mutant's checksums.</summary>
    public enum Checksums
    {
        Verified = 1,
        Ignored,
        Recomputed,
    }
}
