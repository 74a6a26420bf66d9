using SeqRuntime;

namespace NativeAotSample;

/// <summary>
/// Silero voice activity detection for one stream. Each chunk of 512 samples at 16 kHz (256 at 8 kHz) follows the last 64 (32) samples of
/// the previous chunk. The output is the probability of speech.
/// </summary>
internal sealed class Vad : IDisposable
{
    private const int ContextsPerChunk = 8;

    private readonly SeqSession _session;
    private readonly int _output;
    private readonly float[] _context;

    /// <exception cref="ArgumentException">The model does not take one chunk and return one probability.</exception>
    public Vad(SeqModel model)
    {
        var graph = model.Graphs.Count == 1 ? model.Graphs[0] : ModelPort.Graph(model, "main");
        var input = ModelPort.OnlyInput(graph);
        var (size, symbol) = ChunkSize(input, graph.Name);
        Rate = size == 288 ? 8_000 : 16_000;
        ChunkSamples = size / (ContextsPerChunk + 1) * ContextsPerChunk;
        _context = new float[size - ChunkSamples];
        var options = new SeqSessionOptions();
        if (symbol is not null) options.MaxSizes[symbol] = size;
        _session = model.CreateSession(graph.Name, options);
        _output = ModelPort.OnlyOutput(_session);
        if (_session.Input<float>(0).Length != size || _session.Output<float>(_output).Length != 1)
            throw new ArgumentException($"Graph '{graph.Name}' must take {size} samples and return one probability; it takes {_session.Input<float>(0).Length} values and returns {_session.Output<float>(_output).Length}.");

        // The first frame pays for page faults and one-time initialization, so process one before any audio.
        Process(new float[ChunkSamples]);
        Reset();
    }

    /// <summary>Samples per second that the model was trained for.</summary>
    public int Rate { get; }

    /// <summary>The number of samples in a frame.</summary>
    public int ChunkSamples { get; }

    public long MemoryBytes => _session.MemoryBytes;

    /// <summary>Probability that the next <see cref="ChunkSamples"/> samples are speech. Allocates nothing.</summary>
    public float Process(ReadOnlySpan<float> chunk)
    {
        var input = _session.Input<float>(0);
        _context.CopyTo(input);
        chunk.CopyTo(input[_context.Length..]);
        chunk[^_context.Length..].CopyTo(_context);
        _session.Run();
        return _session.Output<float>(_output)[0];
    }

    /// <summary>Resets the stream: state and context start at zero.</summary>
    public void Reset()
    {
        _session.ResetState();
        Array.Clear(_context);
    }

    public void Dispose() => _session.Dispose();

    /// <summary>The number of samples of context and chunk together, and the symbol to set if that size is symbolic.</summary>
    private static (int Size, string? Symbol) ChunkSize(SeqPortInfo input, string graph)
    {
        var last = input.Dimensions is [.., var dimension] ? dimension : default;
        return last switch
        {
            { Symbol: { } symbol } => (576, symbol),
            { Size: (576 or 288) and var size } => (size, null),
            _ => throw new ArgumentException($"Graph '{graph}' takes {last.Size ?? 0} samples for each chunk; it must take 576 (512 and 64 of context, 16 kHz) or 288 (256 and 32, 8 kHz)."),
        };
    }
}
