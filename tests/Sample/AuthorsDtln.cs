using SeqRuntime.Tests.RealModels;

namespace SeqRuntime.Tests.Sample;

/// <summary>
/// The computation of the authors' <c>real_time_processing_onnx.py</c>, line by line: ONNX Runtime, transforms from their definition in
/// double precision, states fed back by hand.
/// </summary>
internal sealed class AuthorsDtln : IDisposable
{
    private const int BlockLength = 512;
    private const int BlockShift = 128;
    private const int Bins = BlockLength / 2 + 1;
    private readonly OrtStream _mask;
    private readonly OrtStream _refine;
    private readonly double[] _cosine = new double[BlockLength];
    private readonly double[] _sine = new double[BlockLength];

    public AuthorsDtln(string model1, string model2)
    {
        _mask = OrtStream.DtlnMask(model1);
        _refine = OrtStream.DtlnRefine(model2);
        for (var i = 0; i < BlockLength; i++) (_sine[i], _cosine[i]) = Math.SinCos(2 * Math.PI * i / BlockLength);
    }

    public float[] Process(float[] audio)
    {
        var outFile = new float[audio.Length];
        var inBuffer = new float[BlockLength];
        var outBuffer = new float[BlockLength];
        var blocks = (audio.Length - (BlockLength - BlockShift)) / BlockShift;
        for (var index = 0; index < blocks; index++)
        {
            inBuffer.AsSpan(BlockShift).CopyTo(inBuffer);
            audio.AsSpan(index * BlockShift, BlockShift).CopyTo(inBuffer.AsSpan(BlockLength - BlockShift));
            var (re, im) = Forward(inBuffer);
            var magnitude = new float[Bins];
            for (var k = 0; k < Bins; k++) magnitude[k] = (float)Math.Sqrt(re[k] * re[k] + im[k] * im[k]);
            var mask = _mask.Step(magnitude);
            for (var k = 0; k < Bins; k++)
            {
                var phase = Math.Atan2(im[k], re[k]);
                re[k] = magnitude[k] * mask[k] * Math.Cos(phase);
                im[k] = magnitude[k] * mask[k] * Math.Sin(phase);
            }

            var block = _refine.Step(Inverse(re, im));
            outBuffer.AsSpan(BlockShift).CopyTo(outBuffer);
            outBuffer.AsSpan(BlockLength - BlockShift).Clear();
            for (var i = 0; i < BlockLength; i++) outBuffer[i] += block[i];
            outBuffer.AsSpan(0, BlockShift).CopyTo(outFile.AsSpan(index * BlockShift));
        }

        return outFile;
    }

    public void Dispose()
    {
        _mask.Dispose();
        _refine.Dispose();
    }

    private (double[] Re, double[] Im) Forward(float[] samples)
    {
        var (re, im) = (new double[Bins], new double[Bins]);
        for (var k = 0; k < Bins; k++)
        {
            for (var n = 0; n < BlockLength; n++)
            {
                re[k] += samples[n] * _cosine[k * n % BlockLength];
                im[k] -= samples[n] * _sine[k * n % BlockLength];
            }
        }

        return (re, im);
    }

    private float[] Inverse(double[] re, double[] im)
    {
        var samples = new float[BlockLength];
        for (var n = 0; n < BlockLength; n++)
        {
            var sum = re[0] + re[Bins - 1] * (n % 2 == 0 ? 1 : -1);
            for (var k = 1; k < Bins - 1; k++) sum += 2 * (re[k] * _cosine[k * n % BlockLength] - im[k] * _sine[k * n % BlockLength]);
            samples[n] = (float)(sum / BlockLength);
        }

        return samples;
    }
}
