namespace SeqRuntime.Decoding;

/// <summary>Decoders of a model, and what it says of them.</summary>
public static class SeqModelExtensions
{
    /// <summary>How the model says that it is decoded; null where it says nothing, and no decoder can be made.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">It says what no decoder understands.</exception>
    public static DecodingDescription? GetDecoding(this SeqModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return DecodingDescription.Of(model);
    }

    /// <summary>Makes a decoder of an encoder-decoder model. All memory it will ever use is allocated here.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Beam, results, largest sizes; null for greedy decoding.</param>
    /// <exception cref="ArgumentException">
    /// The model does not say how it is decoded, or says it of other graphs and values than it has; a graph is not valid, or does not fit
    /// together; an option is out of range, or the limit of memory or of work is exceeded.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public static SeqDecoder CreateDecoder(this SeqModel model, SeqDecoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Make(model, () => new SeqDecoder(model, options ?? new SeqDecoderOptions()));
    }

    /// <summary>Makes a decoder of a CTC or transducer model. All memory it will ever use is allocated here.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Beam, results, largest sizes; null for greedy decoding.</param>
    /// <exception cref="ArgumentException">
    /// The model does not say how it is decoded, or says it of other graphs and values than it has; a graph is not valid, or does not fit
    /// together; an option is out of range, or the limit of memory or of work is exceeded.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">The machine has less memory than the limit allows.</exception>
    public static FrameDecoder CreateFrameDecoder(this SeqModel model, FrameDecoderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Make(model, () => new FrameDecoder(model, options ?? new FrameDecoderOptions()));
    }

    /// <summary>Whatever keeps a model from being decoded is told alike: metadata that do not fit its graphs, or graphs that are not valid.</summary>
    private static T Make<T>(SeqModel model, Func<T> make)
    {
        model.ThrowIfDisposed();
        if (Array.Find(model.Loaded.Graphs, graph => graph.Largest.Length > 0) is { } growing) throw DecodingError.NoDecoderOfCaches(growing.Name);
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
