namespace NativeAotSample.Audio;

/// <summary>A WAV file is damaged, or of a kind that is not handled: the message says which and what to do.</summary>
internal sealed class WaveException(string message) : Exception(message);
