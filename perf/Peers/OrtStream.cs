using Microsoft.ML.OnnxRuntime;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// ONNX Runtime run as fast as possible from C#: one thread, no spinning, all values preallocated, <c>RunWithBinding</c>, and states
/// fed back without a copy by two bindings that alternate.
/// </summary>
internal sealed class OrtStream : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly List<float[]> _states = [];
    private readonly RunOptions _run = new();
    private readonly InferenceSession _session;
    private readonly OrtIoBinding[] _bindings;
    private int _turn;

    /// <param name="model">Bytes of the ONNX model.</param>
    /// <param name="inputs">Each plain input with its shape and content. The content may be changed between steps.</param>
    /// <param name="states">State input, state output and shape. States start at zero.</param>
    /// <param name="outputs">Each plain output with its shape and the array for its content.</param>
    public OrtStream(byte[] model, (string Name, long[] Shape, Array Data)[] inputs, (string Input, string Output, long[] Shape)[] states, (string Name, long[] Shape, float[] Data)[] outputs)
    {
        using var options = Options();
        _session = new InferenceSession(model, options);
        _bindings = [_session.CreateIoBinding(), _session.CreateIoBinding()];
        foreach (var (name, shape, data) in inputs)
        {
            var value = Value(data, shape);
            foreach (var binding in _bindings) binding.BindInput(name, value);
        }

        foreach (var (input, output, shape) in states)
        {
            float[][] content = [new float[Count(shape)], new float[Count(shape)]];
            _states.AddRange(content);
            var values = Array.ConvertAll(content, c => Value(c, shape));
            for (var i = 0; i < 2; i++)
            {
                _bindings[i].BindInput(input, values[i]);
                _bindings[i].BindOutput(output, values[1 - i]);
            }
        }

        foreach (var (name, shape, data) in outputs)
        {
            var value = Value(data, shape);
            foreach (var binding in _bindings) binding.BindOutput(name, value);
        }
    }

    /// <summary>One thread that does not spin, with all optimizations.</summary>
    public static SessionOptions Options()
    {
        var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return options;
    }

    public void Step()
    {
        _session.RunWithBinding(_run, _bindings[_turn]);
        _turn ^= 1;
    }

    /// <summary>Resets the states to zeros.</summary>
    public void Reset()
    {
        foreach (var state in _states) Array.Clear(state);
    }

    public void Dispose()
    {
        foreach (var binding in _bindings) binding.Dispose();
        foreach (var value in _owned) value.Dispose();
        _session.Dispose();
        _run.Dispose();
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (a, b) => a * b);

    private OrtValue Value(Array data, long[] shape)
    {
        var value = data switch
        {
            float[] floats => OrtValue.CreateTensorValueFromMemory(floats, shape),
            long[] integers => OrtValue.CreateTensorValueFromMemory(integers, shape),
            _ => throw new ArgumentException($"Tensors of {data.GetType().Name} are not supported."),
        };
        _owned.Add(value);
        return value;
    }
}
