using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace NativeAotSample.Audio;

/// <summary>
/// Changes the sample rate by a rational factor: polyphase windowed sinc (Kaiser window), 64 zero crossings on each side. Flat to 0.45 of
/// the lower rate, 100 dB down from 0.5 of it. There is no delay: sample n of the output is at n·from/to of the input.
/// </summary>
internal sealed class Resampler
{
    private const int ZeroCrossings = 64;

    /// <summary>Kaiser's β for 100 dB: 0.1102·(A - 8.7).</summary>
    private const double Beta = 10.06;

    /// <summary>Centre of the transition band in units of half the lower rate. Kaiser's width (A - 8)/(14.36·2·64) stays below 0.5.</summary>
    private const double Cutoff = 0.95;

    private const long MostCoefficients = 1 << 24;

    private readonly int _up;
    private readonly int _down;
    private readonly int _taps;
    private readonly float[] _coefficients;

    /// <exception cref="WaveException">The ratio of the two rates would need a huge table.</exception>
    public Resampler(int from, int to)
    {
        var common = GreatestCommonDivisor(from, to);
        _up = to / common;
        _down = from / common;
        var bandwidth = Math.Min(1.0, (double)to / from);
        var reach = (int)Math.Ceiling(ZeroCrossings / bandwidth);
        _taps = (2 * reach + 3) & ~3;
        if ((long)_taps * _up > MostCoefficients)
        {
            throw new WaveException(
                $"{from} Hz cannot be resampled to {to} Hz: the ratio {_up}:{_down} needs a filter of {(long)_taps * _up} coefficients, but at most {MostCoefficients} are allowed. Resample to a common rate such as 48000 Hz first.");
        }

        _coefficients = new float[_taps * _up];
        var window = new double[_taps];
        var peak = ExactTrigonometry.BesselI0(Beta);
        for (var phase = 0; phase < _up; phase++)
        {
            var sum = 0.0;
            for (var j = 0; j < _taps; j++)
            {
                var distance = j - _taps / 2 + 1 - (double)phase / _up;
                var share = distance / reach;
                var x = bandwidth * Cutoff * distance;
                var sinc = x == 0 ? 1 : ExactTrigonometry.SinPi(x) / (Math.PI * x);
                window[j] = Math.Abs(share) >= 1 ? 0 : sinc * ExactTrigonometry.BesselI0(Beta * Math.Sqrt(1 - share * share)) / peak;
                sum += window[j];
            }

            for (var j = 0; j < _taps; j++) _coefficients[phase * _taps + j] = (float)(window[j] / sum);
        }
    }

    /// <summary>The number of output samples for <paramref name="count"/> input samples.</summary>
    public long OutputLength(int count) => ((long)count * _up + _down - 1) / _down;

    /// <summary>Resamples a whole sound to <paramref name="length"/> samples. Beyond its ends it counts as silent.</summary>
    public float[] Process(ReadOnlySpan<float> input, int length)
    {
        var padded = new float[checked(input.Length + 2 * _taps)];
        input.CopyTo(padded.AsSpan(_taps));
        var output = new float[length];
        for (var n = 0; n < length; n++)
        {
            var position = (long)n * _down;
            var at = position / _up + _taps - _taps / 2 + 1;
            if (at + _taps > padded.Length) break;
            output[n] = Dot(padded.AsSpan((int)at, _taps), _coefficients.AsSpan((int)(position % _up) * _taps, _taps));
        }

        return output;
    }

    /// <summary>Four partial sums in a fixed order, so that every processor gives the same bits.</summary>
    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref var x = ref MemoryMarshal.GetReference(a);
        ref var w = ref MemoryMarshal.GetReference(b);
        var sum = Vector128<float>.Zero;
        for (nuint i = 0; i < (nuint)a.Length; i += 4) sum += Vector128.LoadUnsafe(ref x, i) * Vector128.LoadUnsafe(ref w, i);
        return (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
