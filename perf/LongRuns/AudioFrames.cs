namespace SeqRuntime.Perf.LongRuns;

/// <summary>Two seconds of speech-like sound at 16 kHz (a harmonic voice that comes and goes, over noise), in the models' frames.</summary>
internal sealed class AudioFrames
{
    public const int Rate = 16000;
    private const int Samples = 2 * Rate;
    private readonly float[] _sound = new float[Samples + Rate];

    public AudioFrames()
    {
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

    /// <summary>Repeated blocks of this many samples, one hop apart.</summary>
    public float[][] Blocks(int size, int hop) => [.. Enumerable.Range(0, Samples / hop).Select(i => _sound.AsSpan(i * hop, size).ToArray())];

    /// <summary>Magnitude spectra of the blocks: size/2 + 1 values.</summary>
    public float[][] Spectra(int size, int hop)
    {
        var cosines = new double[size];
        for (var i = 0; i < size; i++) cosines[i] = Math.Cos(2 * Math.PI * i / size);
        return Array.ConvertAll(Blocks(size, hop), block =>
        {
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
        });
    }
}
