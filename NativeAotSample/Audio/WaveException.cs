namespace NativeAotSample.Audio;

/// <summary>A WAV file is damaged or not supported. The message says why and what to do.</summary>
internal sealed class WaveException(string message) : Exception(message);
