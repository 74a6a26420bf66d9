using NativeAotSample.Audio;
using SeqRuntime;

namespace NativeAotSample;

/// <summary>
/// Dual-signal transformation LSTM network for noise suppression (Westhausen and Meyer, Interspeech 2020), for one stream. Each hop of 128
/// samples completes a block of 512. Graph <c>mask</c> weights the block's magnitude spectrum. The inverse transform with the old phase gives
/// samples again. Graph <c>refine</c> computes the clean block, and blocks are overlap-added.
/// </summary>
internal sealed class Dtln : IDisposable
{
    public const int Rate = 16_000;
    private const int HopsPerBlock = 4;

    private readonly SeqSession _mask;
    private readonly SeqSession _refine;
    private readonly int _maskOutput;
    private readonly int _refineOutput;
    private readonly RealFft _fft;
    private readonly float[] _input;
    private readonly float[] _output;
    private readonly float[] _re;
    private readonly float[] _im;

    /// <exception cref="ArgumentException">The model is not DTLN's two graphs.</exception>
    public Dtln(SeqModel model)
    {
        var bins = ModelPort.FixedSize(ModelPort.OnlyInput(ModelPort.Graph(model, "mask")));
        var block = ModelPort.FixedSize(ModelPort.OnlyInput(ModelPort.Graph(model, "refine")));
        if (block < 16 || (block & (block - 1)) != 0 || bins != block / 2 + 1)
            throw new ArgumentException($"Graph 'mask' takes {bins} magnitudes and 'refine' {block} samples; the block must have 2ⁿ samples and half as many magnitudes plus one (DTLN: 512 and 257). Fix symbolic sizes when converting: --dim name=1.");

        _mask = model.CreateSession("mask");
        _refine = model.CreateSession("refine");
        _maskOutput = ModelPort.OnlyOutput(_mask);
        _refineOutput = ModelPort.OnlyOutput(_refine);
        if (_mask.Output<float>(_maskOutput).Length != bins || _refine.Output<float>(_refineOutput).Length != block)
            throw new ArgumentException("Graphs 'mask' and 'refine' must have outputs of the size of their inputs.");

        _fft = new RealFft(block);
        _input = new float[block];
        _output = new float[block];
        _re = new float[bins];
        _im = new float[bins];

        // The first frame pays for page faults and one-time initialization, so process one before any audio.
        Process(_input.AsSpan(0, HopSize), _output.AsSpan(0, HopSize));
        Reset();
    }

    public int BlockSize => _input.Length;

    /// <summary>The number of samples that one frame takes and returns.</summary>
    public int HopSize => BlockSize / HopsPerBlock;

    /// <summary>The delay of the output in samples.</summary>
    public int Delay => BlockSize - HopSize;

    /// <summary>Native bytes of both sessions.</summary>
    public long MemoryBytes => _mask.MemoryBytes + _refine.MemoryBytes;

    /// <summary>Resets the stream: states and buffers start at zero.</summary>
    public void Reset()
    {
        _mask.ResetState();
        _refine.ResetState();
        Array.Clear(_input);
        Array.Clear(_output);
    }

    /// <summary>Takes the next <see cref="HopSize"/> samples and returns as many, delayed by <see cref="Delay"/> samples. Allocates nothing.</summary>
    public void Process(ReadOnlySpan<float> hop, Span<float> clean)
    {
        var size = HopSize;
        _input.AsSpan(size).CopyTo(_input);
        hop.CopyTo(_input.AsSpan(Delay));

        _fft.Forward(_input, _re, _im);
        var magnitudes = _mask.Input<float>(0);
        for (var k = 0; k < magnitudes.Length; k++) magnitudes[k] = MathF.Sqrt(_re[k] * _re[k] + _im[k] * _im[k]);
        _mask.Run();

        // mask · magnitude · exp(i · phase) is mask · spectrum.
        var mask = _mask.Output<float>(_maskOutput);
        for (var k = 0; k < mask.Length; k++)
        {
            _re[k] *= mask[k];
            _im[k] *= mask[k];
        }

        _fft.Inverse(_re, _im, _refine.Input<float>(0));
        _refine.Run();

        _output.AsSpan(size).CopyTo(_output);
        _output.AsSpan(Delay).Clear();
        var block = _refine.Output<float>(_refineOutput);
        for (var i = 0; i < block.Length; i++) _output[i] += block[i];
        _output.AsSpan(0, size).CopyTo(clean);
    }

    public void Dispose()
    {
        _mask.Dispose();
        _refine.Dispose();
    }
}
