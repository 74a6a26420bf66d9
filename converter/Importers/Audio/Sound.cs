namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>A value [1, channels, T] of a network of convolutions.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Silence">What its channels are after so much silence that nothing else is left. States begin there.</param>
internal sealed record Sound(string Name, double[] Silence)
{
    public int Channels => Silence.Length;
}
