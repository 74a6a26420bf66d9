using System.Runtime.InteropServices;
using SeqRuntime.Decoding;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.LongRuns;

/// <summary>The work of a soak: steps, streams that join and leave, decoded words, and everything created and disposed.</summary>
internal static class SoakWorks
{
    private const int Steps = 500;
    private const int Streams = 16;
    private const ulong Start = 0xcbf29ce484222325;
    private static readonly string[] s_words = ["recurrent", "sequence", "models", "on", "small", "devices"];

    public static List<SoakWork> All()
    {
        var works = new List<SoakWork>();
        foreach (var storage in Storage.All)
        {
            works.Add(Stepping(new RecurrentLayer("LSTM", 64, 128), storage));
            works.Add(Coming(new RecurrentLayer("GRU", 40, 96), storage));
        }

        foreach (var beam in (int[])[1, 5]) works.Add(Decoding(beam));
        works.Add(Life());
        return works;
    }

    /// <summary>A session stepped from its initial state, with its output as the next input.</summary>
    private static SoakWork Stepping(RecurrentLayer layer, Storage storage)
    {
        var (model, session, _) = LayerContests.Session(layer, storage);
        ulong Round()
        {
            var hash = Start;
            session.ResetState();
            for (var step = 0; step < Steps; step++)
            {
                Wave(session.Input<float>(0), step);
                session.Run();
                hash = SoakWork.Add(hash, session.Output<float>(0));
            }

            return hash;
        }

        return new SoakWork($"session, {layer.Op} {layer.Hidden}, {storage.Name}", Round, false, session, model);
    }

    /// <summary>Streams that join, step some at a time, and leave.</summary>
    private static SoakWork Coming(RecurrentLayer layer, Storage storage)
    {
        var (model, session, _) = LayerContests.Session(layer, storage);
        var streams = model.CreateStreams(Streams, session.Graph.Name);
        var slots = new int[Streams];
        ulong Round()
        {
            var (hash, count) = (Start, 0);
            for (var step = 0; step < Steps / 5; step++)
            {
                if (count < Streams && step % 3 != 2) slots[count++] = streams.Join();
                for (var i = 0; i < count; i++) Wave(streams.Input<float>(slots[i], 0), step + i);
                streams.Run(slots.AsSpan(0, count));
                for (var i = 0; i < count; i++) hash = SoakWork.Add(hash, streams.Output<float>(slots[i], 0));
                if (count > 1 && step % 5 == 4) streams.Leave(slots[--count]);
            }

            while (count > 0) streams.Leave(slots[--count]);
            return hash;
        }

        return new SoakWork($"streams, {layer.Op} {layer.Hidden}, {storage.Name}", Round, false, streams, session, model);
    }

    private static SoakWork Decoding(int beam)
    {
        var model = SeqModel.Load(Places.Find("NativeAotSample/g2p.seq"));
        var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam });
        ulong Round()
        {
            var hash = Start;
            foreach (var word in s_words)
            {
                foreach (var result in decoder.Decode(word))
                {
                    hash = SoakWork.Add(hash, result.Tokens);
                    hash = SoakWork.Add(hash, [result.LogProbability]);
                }
            }

            return hash;
        }

        return new SoakWork(beam == 1 ? "words, greedily" : $"words, beam {beam}", Round, false, decoder, model);
    }

    /// <summary>Loads a model; creates, uses and disposes its sessions, streams and decoder.</summary>
    private static SoakWork Life()
    {
        var path = Places.Find("NativeAotSample/g2p.seq");
        ulong Round()
        {
            using var model = SeqModel.Load(path);
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3 });
            using var session = model.CreateSession("encoder", new SeqSessionOptions { MaxSizes = { ["T"] = 20 } });
            using var streams = model.CreateStreams(4, "encoder", new SeqSessionOptions { MaxSizes = { ["T"] = 20 } });
            session.Run();
            streams.Join();
            streams.Run();
            decoder.Decode("life");
            return SoakWork.Add(SoakWork.Add(Start, session.Output<float>(0)), decoder.Results[0].Tokens);
        }

        return new SoakWork("model, session, streams and decoder made and disposed of", Round, true);
    }

    private static void Wave(Span<float> input, int at)
    {
        for (var i = 0; i < input.Length; i++) input[i] = MathF.Sin(0.37f * i + 0.11f * at);
    }
}

/// <summary>Work that is repeated from the same start. Every round must give the bits of the first one and allocate nothing.</summary>
/// <param name="name">Its name.</param>
/// <param name="round">One round from the start. Returns a hash of all results.</param>
/// <param name="isLife">Whether a round creates and disposes objects, which allocates managed memory.</param>
/// <param name="owned">Objects that it uses and disposes.</param>
internal sealed class SoakWork(string name, Func<ulong> round, bool isLife, params IDisposable[] owned) : IDisposable
{
    private ulong? _first;

    public string Name => name;

    public bool IsLife => isLife;

    public long Rounds { get; private set; }

    /// <summary>Managed bytes of all rounds except the first.</summary>
    public long Bytes { get; private set; }

    /// <summary>Rounds whose bits differed from the first round's.</summary>
    public long Differing { get; private set; }

    public bool IsRight => Differing == 0 && (isLife || Bytes == 0);

    public void Round()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var hash = round();
        if (_first is not null && !isLife) Bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        _first ??= hash;
        if (hash != _first) Differing++;
        Rounds++;
    }

    /// <summary>FNV-1a over the values' bits.</summary>
    public static ulong Add<T>(ulong hash, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        foreach (var part in MemoryMarshal.AsBytes(values)) hash = (hash ^ part) * 0x100000001b3;
        return hash;
    }

    public void Dispose()
    {
        foreach (var item in owned) item.Dispose();
    }
}
