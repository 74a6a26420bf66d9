namespace NativeAotSample.Audio;

/// <summary>A sound in memory: one array of samples in [-1, 1) per channel, and the format it was stored in.</summary>
internal sealed class WaveFile(WaveFormat format, float[][] channels)
{
    public WaveFormat Format { get; } = format;

    public float[][] Channels { get; } = channels;

    /// <summary>Warnings for the user about oddities that are not fatal.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Samples of each channel.</summary>
    public int Frames => Channels[0].Length;

    public double Seconds => (double)Frames / Format.Rate;

    /// <summary>Mean of all channels.</summary>
    public float[] MixToMono()
    {
        if (Channels.Length == 1) return Channels[0];
        var mono = new float[Frames];
        foreach (var channel in Channels)
        {
            for (var i = 0; i < mono.Length; i++) mono[i] += channel[i];
        }

        for (var i = 0; i < mono.Length; i++) mono[i] /= Channels.Length;
        return mono;
    }
}
