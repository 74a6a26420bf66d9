using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace SeqRuntime.Tests.Sample;

/// <summary>
/// What the authors' <c>real_time_processing_onnx.py</c> computes, line by line: ONNX Runtime, transforms from their definition
/// in double precision, states fed back by hand.
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
        _mask = new OrtStream(model1);
        _refine = new OrtStream(model2);
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
            var mask = _mask.Run(magnitude);
            for (var k = 0; k < Bins; k++)
            {
                var phase = Math.Atan2(im[k], re[k]);
                re[k] = magnitude[k] * mask[k] * Math.Cos(phase);
                im[k] = magnitude[k] * mask[k] * Math.Sin(phase);
            }

            var block = _refine.Run(Inverse(re, im));
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

/// <summary>A model in ONNX Runtime with one input and one output besides states, which are fed back from run to run in order of declaration.</summary>
internal sealed class OrtStream : IDisposable
{
    private readonly InferenceSession _session;
    private readonly List<NamedOnnxValue> _inputs = [];

    public OrtStream(string path, params (string Name, long Value)[] scalars)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        _session = new InferenceSession(path, options);
        foreach (var name in _session.InputNames)
        {
            var scalar = Array.Find(scalars, s => s.Name == name);
            if (scalar.Name is not null)
            {
                _inputs.Add(NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(new[] { scalar.Value }, [])));
                continue;
            }

            int[] shape = [.. _session.InputMetadata[name].Dimensions.Select(d => d < 0 ? 1 : d)];
            _inputs.Add(NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(shape)));
        }
    }

    public float[] Run(float[] input)
    {
        var shape = _inputs[0].AsTensor<float>().Dimensions.ToArray();
        shape[^1] = input.Length;
        _inputs[0] = NamedOnnxValue.CreateFromTensor(_inputs[0].Name, new DenseTensor<float>(input, shape));
        using var outputs = _session.Run(_inputs);
        _inputs[1] = NamedOnnxValue.CreateFromTensor(_inputs[1].Name, outputs[1].AsTensor<float>().Clone());
        return [.. outputs[0].AsEnumerable<float>()];
    }

    public void Dispose() => _session.Dispose();
}
