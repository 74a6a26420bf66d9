using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace SeqRuntime.Tests.RealModels;

/// <summary>ONNX Runtime stepping a model whose states are inputs and outputs, fed back frame by frame. Without states, it runs the model.</summary>
internal sealed class OrtStream : IDisposable
{
    private readonly InferenceSession _session;
    private readonly string _input;
    private readonly int[] _shape;
    private readonly (string In, string Out, int[] Shape)[] _states;
    private readonly NamedOnnxValue[] _fixed;
    private readonly string _output;
    private readonly float[][] _data;

    public OrtStream(string path, string input, int[] shape, (string In, string Out, int[] Shape)[] states, string output, params NamedOnnxValue[] constants)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(path, options);
        (_input, _shape, _states, _output, _fixed) = (input, shape, states, output, constants);
        _data = Array.ConvertAll(states, state => new float[Numbers.Count(state.Shape)]);
    }

    /// <summary>DTLN's first model: magnitude [1, 1, 257] to mask.</summary>
    public static OrtStream DtlnMask(string path) => new(path, "input_2", [1, 1, 257], [("input_3", "tf_op_layer_stack_2", [1, 2, 128, 2])], "activation_2");

    /// <summary>DTLN's second model: block [1, 1, 512] to block.</summary>
    public static OrtStream DtlnRefine(string path) => new(path, "input_4", [1, 1, 512], [("input_5", "tf_op_layer_stack_5", [1, 2, 128, 2])], "conv1d_3");

    /// <summary>Silero at 16 kHz: 64 old and 512 new samples to the probability of speech.</summary>
    public static OrtStream Silero(string path) => new(path, "input", [1, 576], [("state", "stateN", [2, 1, 128])], "output", NamedOnnxValue.CreateFromTensor("sr", new DenseTensor<long>(new[] { 16000L }, [])));

    /// <summary>GTCRN: a frame's spectrum [1, 257, 1, 2] to the clean one.</summary>
    public static OrtStream Gtcrn(string path) =>
        new(path, "mix", [1, 257, 1, 2], [("conv_cache", "conv_cache_out", [2, 1, 16, 16, 33]), ("tra_cache", "tra_cache_out", [2, 3, 1, 1, 16]), ("inter_cache", "inter_cache_out", [2, 1, 33, 16])], "enh");

    public float[] Step(float[] frame)
    {
        NamedOnnxValue[] inputs =
        [
            NamedOnnxValue.CreateFromTensor(_input, new DenseTensor<float>(frame, _shape)),
            .. _states.Select((state, i) => NamedOnnxValue.CreateFromTensor(state.In, new DenseTensor<float>(_data[i], state.Shape))),
            .. _fixed,
        ];
        using var results = _session.Run(inputs, [_output, .. _states.Select(state => state.Out)]);
        for (var i = 0; i < _data.Length; i++) _data[i] = results[i + 1].AsTensor<float>().ToArray();
        return results[0].AsTensor<float>().ToArray();
    }

    public void Dispose() => _session.Dispose();
}
