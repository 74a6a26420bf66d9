namespace NativeAotSample.Audio;

/// <summary>
/// Discrete Fourier transform of real blocks whose size is a power of two, without allocation. The even and odd samples form one complex
/// sequence of half the size, transformed by radix-2 decimation in time (Cooley, Tukey 1965) and then split (Sorensen et al. 1987).
/// X[k] = Σ x[n]·exp(-2πi·kn/N) for k = 0 … N/2; the inverse divides by N.
/// </summary>
internal sealed class RealFft
{
    private readonly int _half;
    private readonly float[] _cosine;
    private readonly float[] _sine;
    private readonly int[] _reversed;
    private readonly float[] _re;
    private readonly float[] _im;

    public RealFft(int size)
    {
        if (size < 4 || (size & (size - 1)) != 0) throw new ArgumentException($"A transform of {size} samples is not supported; the size must be a power of two, at least 4.");
        Size = size;
        _half = size / 2;
        _cosine = new float[_half];
        _sine = new float[_half];
        _reversed = new int[_half];
        _re = new float[_half];
        _im = new float[_half];
        for (var k = 0; k < _half; k++)
        {
            _cosine[k] = (float)ExactTrigonometry.CosPi(2.0 * k / size);
            _sine[k] = (float)ExactTrigonometry.SinPi(2.0 * k / size);
            for (int bit = 1, source = k; bit < _half; bit <<= 1, source >>= 1) _reversed[k] = _reversed[k] << 1 | source & 1;
        }
    }

    public int Size { get; }

    /// <summary>The number of frequencies: N/2 + 1.</summary>
    public int Bins => _half + 1;

    /// <summary>Samples to spectrum.</summary>
    public void Forward(ReadOnlySpan<float> samples, Span<float> re, Span<float> im)
    {
        for (var n = 0; n < _half; n++)
        {
            _re[_reversed[n]] = samples[2 * n];
            _im[_reversed[n]] = samples[2 * n + 1];
        }

        Transform(_re, _im);
        re[0] = _re[0] + _im[0];
        im[0] = 0;
        re[_half] = _re[0] - _im[0];
        im[_half] = 0;
        for (var k = 1; k < _half; k++)
        {
            var evenRe = (_re[k] + _re[_half - k]) * 0.5f;
            var evenIm = (_im[k] - _im[_half - k]) * 0.5f;
            var oddRe = (_im[k] + _im[_half - k]) * 0.5f;
            var oddIm = (_re[_half - k] - _re[k]) * 0.5f;
            re[k] = evenRe + (_cosine[k] * oddRe + _sine[k] * oddIm);
            im[k] = evenIm + (_cosine[k] * oddIm - _sine[k] * oddRe);
        }
    }

    /// <summary>Spectrum to samples. The imaginary parts of the first and the last frequency are ignored.</summary>
    public void Inverse(ReadOnlySpan<float> re, ReadOnlySpan<float> im, Span<float> samples)
    {
        var scale = 0.5f / _half;
        _re[0] = (re[0] + re[_half]) * scale;
        _im[0] = (re[0] - re[_half]) * scale;
        for (var k = 1; k < _half; k++)
        {
            var evenRe = re[k] + re[_half - k];
            var evenIm = im[k] - im[_half - k];
            var differenceRe = re[k] - re[_half - k];
            var differenceIm = im[k] + im[_half - k];
            var oddRe = differenceRe * _cosine[k] - differenceIm * _sine[k];
            var oddIm = differenceIm * _cosine[k] + differenceRe * _sine[k];
            _re[_reversed[k]] = (evenRe - oddIm) * scale;
            _im[_reversed[k]] = (evenIm + oddRe) * scale;
        }

        Transform(_im, _re);
        for (var n = 0; n < _half; n++)
        {
            samples[2 * n] = _re[n];
            samples[2 * n + 1] = _im[n];
        }
    }

    /// <summary>In-place forward transform of a bit-reversed sequence. With real and imaginary parts exchanged it is the inverse.</summary>
    private void Transform(float[] re, float[] im)
    {
        for (var length = 2; length <= _half; length <<= 1)
        {
            var wing = length / 2;
            var step = Size / length;
            for (var start = 0; start < _half; start += length)
            {
                for (var k = 0; k < wing; k++)
                {
                    var a = start + k;
                    var b = a + wing;
                    var cosine = _cosine[k * step];
                    var sine = _sine[k * step];
                    var productRe = re[b] * cosine + im[b] * sine;
                    var productIm = im[b] * cosine - re[b] * sine;
                    re[b] = re[a] - productRe;
                    im[b] = im[a] - productIm;
                    re[a] += productRe;
                    im[a] += productIm;
                }
            }
        }
    }
}
