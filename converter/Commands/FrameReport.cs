using System.Globalization;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Commands;

/// <summary>The document that <c>decode</c> prints for a CTC model or a transducer.</summary>
internal sealed record FrameReport(string File, string Kernels, string Kind, IReadOnlyList<DecodedFrames> Inputs)
{
    public void Print(TextWriter output)
    {
        foreach (var input in Inputs)
        {
            foreach (var best in input.Best)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{input.Input}\t{best.Text ?? string.Join(' ', best.Tokens)}\t{best.LogProbability:F4}"));
        }
    }
}

/// <summary>An array of frames, the number of rows that the encoder made of it, and its results, best first.</summary>
internal sealed record DecodedFrames(string Input, int Rows, IReadOnlyList<FrameResult> Best)
{
    /// <exception cref="ConversionException">The model refuses the frames.</exception>
    public static DecodedFrames Of(FrameDecoder decoder, TokenTable? table, Recording recording)
    {
        try
        {
            var found = decoder.Decode(recording.Array.As<float>());
            return new DecodedFrames(recording.Name, decoder.FrameCount, [.. found.Select(result => FrameResult.Of(table, result))]);
        }
        catch (Exception fault) when (fault is SeqDataException or ArgumentException)
        {
            throw new ConversionException($"{recording.Name}: {fault.Message}", fault);
        }
    }
}

/// <summary>A result: its text if the labels have texts, and for each token the row of the encoder's output where it was emitted.</summary>
internal sealed record FrameResult(string? Text, int[] Tokens, int[] Frames, float LogProbability, float Score)
{
    public static FrameResult Of(TokenTable? table, DecodeResult result) => new(
        table?.Decode(result.Tokens),
        result.Tokens.ToArray(),
        result.Frames.ToArray(),
        result.LogProbability,
        result.Score);
}
