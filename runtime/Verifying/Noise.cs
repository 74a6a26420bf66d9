using SeqRuntime.Format;

namespace SeqRuntime.Verifying;

/// <summary>Random numbers by their place, so that any order and any number of threads gives the same. Only integer and exact float arithmetic is used.</summary>
internal static class Noise
{
    /// <summary>Random bits of a place.</summary>
    public static ulong Bits(int sequence, int run, int element) => SplitMix.Mix(SplitMix.Add(SplitMix.Add(1, (ulong)sequence), (ulong)run) + (((ulong)element + 1) * SplitMix.Step));

    /// <summary>A number of mean 0 and variance 1, nearly normal: the sum of four uniform numbers (the Irwin-Hall distribution), within ±3.47.</summary>
    public static double Unit(ulong bits)
    {
        const double squareRootOf3 = 1.7320508075688772;
        var sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
        return ((sum + 2.0) / 65536 - 2) * squareRootOf3;
    }

    /// <summary>A sample of sound. Each part of it is noise, or a tone with harmonics and a little noise, at its own level.</summary>
    /// <param name="sequence">Number of the sequence.</param>
    /// <param name="at">Place of the sample.</param>
    /// <param name="noise">Random bits of the sample.</param>
    public static double Sound(int sequence, long at, ulong noise)
    {
        const int part = 4096, harmonics = 8, longest = 200, shortest = 50;
        var bits = Bits(sequence, -1, (int)(at / part));
        var level = 1.0 / (1 << (1 + (int)(bits % 7)));
        if ((bits >> 8) % 4 == 0) return level * Unit(noise) / 2;
        var period = shortest + (long)((bits >> 16) % (longest - shortest));
        var sum = 0.0;
        for (var k = 1; k <= harmonics; k++) sum += Wave((double)(k * at % period) / period) / k;
        return level * ((sum / 2) + (Unit(noise) / 64));
    }

    /// <summary>A sine made of two parabolas, of a phase from 0 to 1: a library's sine may differ in the last bit.</summary>
    private static double Wave(double phase) => phase < 0.5 ? 8 * phase * (1 - 2 * phase) : -8 * (phase - 0.5) * (2 - 2 * phase);
}
