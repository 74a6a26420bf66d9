namespace SeqRuntime.Perf.LongRuns;

/// <summary>Speech-like sound at 16 kHz (a harmonic voice that comes and goes, over noise), in the models' frames.</summary>
internal sealed class AudioFrames
{
    public const int Rate = 16000;
    private readonly int _samples;
    private readonly float[] _sound;

    /// <param name="seconds">The time in which blocks begin.</param>
    public AudioFrames(double seconds = 2)
    {
        _samples = (int)(seconds * Rate);
        _sound = new float[_samples + Rate];
        var random = new Random(11);
        for (var i = 0; i < _sound.Length; i++)
        {
            var time = (double)i / Rate;
            var loud = Math.Max(0, Math.Sin(2 * Math.PI * 1.5 * time));
            var voice = 0.0;
            for (var harmonic = 1; harmonic <= 12; harmonic++) voice += Math.Sin(2 * Math.PI * 130 * harmonic * time) / harmonic;
            _sound[i] = (float)(0.1 * loud * voice + 0.02 * (random.NextDouble() - 0.5));
        }
    }

    /// <summary>Blocks of this many samples, one hop apart.</summary>
    public float[][] Blocks(int size, int hop) => [.. Enumerable.Range(0, _samples / hop).Select(i => Block(i * hop, size))];

    /// <summary>Magnitude spectra of the blocks: size/2 + 1 values.</summary>
    public float[][] Spectra(int size, int hop) => Array.ConvertAll(Blocks(size, hop), Spectrum);

    /// <summary>The samples from <paramref name="start"/> on.</summary>
    public float[] Block(int start, int size) => _sound.AsSpan(start % _samples, size).ToArray();

    /// <summary>The magnitude spectrum of a block: half as many values and one more.</summary>
    public static float[] Spectrum(float[] block)
    {
        var size = block.Length;
        var cosines = new double[size];
        for (var i = 0; i < size; i++) cosines[i] = Math.Cos(2 * Math.PI * i / size);
        var magnitudes = new float[size / 2 + 1];
        for (var bin = 0; bin < magnitudes.Length; bin++)
        {
            double re = 0, im = 0;
            for (var i = 0; i < size; i++)
            {
                re += block[i] * cosines[bin * i % size];
                im += block[i] * cosines[(bin * i + 3 * size / 4) % size];
            }

            magnitudes[bin] = (float)Math.Sqrt(re * re + im * im);
        }

        return magnitudes;
    }
}
