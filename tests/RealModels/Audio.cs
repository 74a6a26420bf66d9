using System.Buffers.Binary;
using System.Numerics;

namespace SeqRuntime.Tests.RealModels;

/// <summary>Inputs of the real models: mono 16-bit WAV samples, and a plain Fourier transform.</summary>
internal static class Audio
{
    public static float[] Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var at = 12;
        while (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) != 0x61746164) at += 8 + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4));
        var samples = new float[BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4)) / 2];
        for (var i = 0; i < samples.Length; i++) samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(at + 8 + 2 * i)) / 32768f;
        return samples;
    }

    /// <summary>Recursive radix-2 transform. With <paramref name="sign"/> +1 it is the inverse without its factor.</summary>
    public static Complex[] Transform(Complex[] x, int sign = -1)
    {
        if (x.Length == 1) return x;
        var (even, odd) = (new Complex[x.Length / 2], new Complex[x.Length / 2]);
        for (var i = 0; i < even.Length; i++) (even[i], odd[i]) = (x[2 * i], x[2 * i + 1]);
        (even, odd) = (Transform(even, sign), Transform(odd, sign));
        var result = new Complex[x.Length];
        for (var k = 0; k < even.Length; k++)
        {
            var turned = Complex.FromPolarCoordinates(1, sign * 2 * Math.PI * k / x.Length) * odd[k];
            (result[k], result[k + even.Length]) = (even[k] + turned, even[k] - turned);
        }

        return result;
    }
}
