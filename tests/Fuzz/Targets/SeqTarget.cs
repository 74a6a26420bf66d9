using System.Buffers.Binary;
using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>
/// A <c>.seq</c> file: it is loaded, sessions and streams of each graph are made and run at two sizes, recorded runs are compared, and decoders are run. The file and
/// each session's block end directly before an inaccessible page, so that an access outside ends the process.
/// </summary>
internal sealed class SeqTarget : Target
{
    private const int Longest = 3;
    private const long MostMemory = 1 << 24;
    private const long MostWork = 100_000_000;

    private readonly GuardedFile _memory;
    private readonly List<byte[]> _seeds;

    public SeqTarget()
    {
        GuardedBlocks.Install();
        _seeds =
        [
            SeqWriter.ToArray(SmallSeq.Build()), SmallSeq.WithGoldenPair(), SmallDecoder.Make(1, batched: false), SmallDecoder.Make(2, batched: true), SmallDecoder.Language(1, batched: false), SmallDecoder.Language(2, batched: true), SmallFrames.Ctc(3), SmallFrames.Transducer(4, batched: true), SmallFrames.Transducer(5, batched: false, maxTokens: 4),
            .. OperatorModels.All(), .. Corpus("seq"),
        ];
        _memory = new GuardedFile(2 * _seeds.Max(s => s.Length) + (1 << 16));
    }

    public override string Name => "seq";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        var seed = Pick(random, _seeds);
        // Most of a file is weights, which may have any value; damage before them is dangerous.
        var weights = random.Next(4) == 0 ? -1 : Section(seed, SeqLayout.Data);
        var bytes = Bytes.Mutate(random, seed, Pick(random, _seeds), 0, weights);
        if (random.Next(8) != 0) Mend(bytes);
        return bytes;
    }

    public override Outcome Run(byte[] input)
    {
        try
        {
            var verify = input.Length % 2 == 0;
            using var model = SeqModel.Load(_memory.Put(input.AsSpan(0, Math.Min(input.Length, _memory.Capacity))), new SeqModelOptions { VerifyChecksums = verify });
            var outcome = Outcome.Taken;
            foreach (var graph in model.Graphs)
            {
                if (!Try(() => RunGraph(model, graph)) | !Try(() => RunStreams(model, graph))) outcome = Outcome.Refused;
            }

            if (model.HasGoldenPair && !Try(() => model.Verify(new SeqSessionOptions { MemoryLimitBytes = MostMemory, WorkLimit = MostWork }, CancellationToken.None))) outcome = Outcome.Refused;
            if (!model.Metadata.ContainsKey(DecodingKeys.Kind)) return outcome;
            return Try(() => Decode(model)) & Try(() => DecodeFrames(model)) & Try(() => Generate(model)) ? outcome : Outcome.Refused;
        }
        catch (Exception fault) when (fault is SeqFormatException or SeqDataException or ArgumentException)
        {
            return Outcome.Refused;
        }
        finally
        {
            GuardedBlocks.Release();
        }
    }

    public override void Dispose()
    {
        ((IDisposable)_memory).Dispose();
        base.Dispose();
    }

    private static bool Try(Action run)
    {
        try
        {
            run();
            return true;
        }
        catch (Exception fault) when (fault is SeqFormatException or SeqDataException or ArgumentException)
        {
            return false;
        }
    }

    private static SeqSessionOptions Options(SeqGraphInfo graph)
    {
        var options = new SeqSessionOptions { MemoryLimitBytes = MostMemory, WorkLimit = MostWork };
        foreach (var symbol in graph.Symbols) options.MaxSizes[symbol] = Longest;
        return options;
    }

    private static void RunGraph(SeqModel model, SeqGraphInfo graph)
    {
        using var session = model.CreateSession(graph.Name, Options(graph));
        session.Run();
        foreach (var symbol in graph.Symbols) session.SetSize(symbol, 1);
        session.Run();
        session.ResetState();
        var state = new byte[session.StateBytes];
        session.SaveState(state);
        session.RestoreState(state);
        for (var o = 0; o < session.Outputs.Count; o++) _ = session.Outputs[o].Shape;
    }

    private static void RunStreams(SeqModel model, SeqGraphInfo graph)
    {
        using var streams = model.CreateStreams(2, graph.Name, Options(graph));
        var (first, second) = (streams.Join(), streams.Join());
        streams.Run();
        streams.Leave(first);
        foreach (var symbol in graph.Symbols) streams.SetSize(symbol, 1);
        streams.Run([second]);
    }

    private static void Decode(SeqModel model)
    {
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 2, MaxSourceLength = 4, MemoryLimitBytes = MostMemory, WorkLimit = MostWork });
        foreach (var result in decoder.Decode([1]))
        {
            _ = result.Tokens;
            _ = result.Score;
            for (var step = 0; step < result.AlignmentCount; step++) _ = result.Alignment(step);
            if (decoder.TargetTable is not null) _ = result.Text;
        }
    }

    private static void Generate(SeqModel model)
    {
        foreach (var beam in (int[])[1, 3])
        {
            using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam, MaxTokens = 3, MaxSourceLength = 4, MemoryLimitBytes = MostMemory, WorkLimit = MostWork });
            foreach (var result in generator.Generate([1, 2])) _ = result.Tokens.Length + result.Score;
            if (beam == 1) _ = generator.Continue([1])[0].Tokens;
        }
    }

    private static void DecodeFrames(SeqModel model)
    {
        foreach (var beam in (int[])[1, 3])
        {
            using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = beam, MaxFrames = 4, MemoryLimitBytes = MostMemory, WorkLimit = MostWork });
            foreach (var result in decoder.Decode(new float[Math.Min(decoder.FrameSize, 1 << 16) * 2])) _ = result.Tokens;
        }
    }

    /// <summary>Corrects the checksums of all sections in the table, so that a reader reaches the checks after them.</summary>
    public static void Mend(byte[] file)
    {
        if (file.Length < SeqLayout.HeaderBytes) return;
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(SeqLayout.FileLengthAt), file.Length);
        SectionTable.Recompute(file);
    }

    /// <summary>Where a section starts; -1 if there is none.</summary>
    public static int Section(byte[] file, string name)
    {
        var entry = SectionTable.EntryOf(file, name);
        return entry < 0 ? -1 : (int)Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(entry + 8)), 1, file.Length);
    }
}
