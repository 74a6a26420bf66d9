namespace SeqRuntime.Decoding;

/// <summary>Creates decoders of a model, and reads its description of decoding.</summary>
public static class SeqModelExtensions
{
    /// <summary>The model's description of its decoding; null if it has none, so that no decoder can be made.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">The description is not valid.</exception>
    public static DecodingDescription? GetDecoding(this SeqModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return DecodingDescription.Of(model);
    }

    /// <summary>Makes a decoder of an encoder-decoder model. All memory it will ever use is allocated here.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Beam, results, largest sizes; null for greedy decoding.</param>
    /// <exception cref="ArgumentException">
    /// The model does not say how it is decoded, or names graphs and values that it does not have; a graph is not valid, or its shapes do not fit
    /// together; an option is out of range, or the limit of memory or of work is exceeded.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public static SeqDecoder CreateDecoder(this SeqModel model, SeqDecoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Make(model, () => new SeqDecoder(RefuseCaches(model), options ?? new SeqDecoderOptions()));
    }

    /// <summary>Makes a generator of a language model, which goes on with a prompt. All memory it will ever use is allocated here.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Beam, results, sampling, largest sizes; null for greedy decoding.</param>
    /// <exception cref="ArgumentException">
    /// The model does not say how it is decoded, or names graphs and values that it does not have; a graph is not valid, or its shapes do not fit
    /// together; an option is out of range, or the limit of memory or of work is exceeded.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public static SeqGenerator CreateGenerator(this SeqModel model, SeqDecoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Make(model, () => new SeqGenerator(model, options ?? new SeqDecoderOptions()));
    }

    /// <summary>Makes a decoder of a CTC or transducer model. All memory it will ever use is allocated here.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Beam, results, largest sizes; null for greedy decoding.</param>
    /// <exception cref="ArgumentException">
    /// The model does not say how it is decoded, or names graphs and values that it does not have; a graph is not valid, or its shapes do not fit
    /// together; an option is out of range, or the limit of memory or of work is exceeded.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public static FrameDecoder CreateFrameDecoder(this SeqModel model, FrameDecoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Make(model, () => new FrameDecoder(RefuseCaches(model), options ?? new FrameDecoderOptions()));
    }

    private static SeqModel RefuseCaches(SeqModel model) =>
        Array.Find(model.Loaded.Graphs, graph => graph.Largest.Length > 0) is { } growing ? throw DecodingError.NoDecoderOfCaches(growing.Name) : model;

    /// <summary>Makes one kind of exception of all reasons why a model cannot be decoded: metadata that do not fit its graphs, and graphs that are not valid.</summary>
    private static T Make<T>(SeqModel model, Func<T> make)
    {
        model.ThrowIfDisposed();
        try
        {
            return make();
        }
        catch (SeqFormatException fault)
        {
            throw new ArgumentException(fault.Message, fault);
        }
    }
}
