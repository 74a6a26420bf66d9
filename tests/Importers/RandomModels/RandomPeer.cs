using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Runs a random model unchanged in ONNX Runtime, with states fed back.</summary>
internal sealed class RandomPeer : IDisposable
{
    private static readonly RunOptions s_run = new();
    private static readonly SessionOptions s_options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL };

    private readonly RandomModel _model;
    private readonly ModelProto _theirs;
    private readonly IReadOnlyList<(RandomPort Input, string Output)> _pairs;
    private readonly InferenceSession _session;
    private readonly string[] _outputs;
    private Dictionary<string, float[]> _states = [];
    private Dictionary<string, float[]> _before = [];

    public RandomPeer(RandomModel model, ModelProto theirs, IReadOnlyList<(RandomPort Input, string Output)> states)
    {
        (_model, _theirs, _pairs) = (model, theirs, states);
        _session = new InferenceSession(theirs.ToByteArray(), s_options);
        _outputs = [.. model.Outputs.Concat(model.States.Select(s => s.Output)).Distinct()];
    }

    public void Reset() => _states = _pairs.ToDictionary(s => s.Input.Name, s => new float[s.Input.Shape(0).Aggregate(1, (a, b) => a * b)]);

    public Dictionary<string, (int[] Shape, float[] Data)> Run(Dictionary<string, Array> data, int trial)
    {
        var results = Run(_session, data, _states, trial);
        _before = _states;
        _states = _pairs.ToDictionary(s => s.Input.Name, s => results[s.Output].Data);
        return results;
    }

    /// <summary>How much an output of the last run changes, relative to its range, if inputs, states and intermediate values change in their last bits.</summary>
    public double Sensitivity(Dictionary<string, Array> data, int trial, string output)
    {
        var exact = Run(_session, data, _before, trial)[output].Data;
        double most = 0, range = 1;
        foreach (var value in exact.Where(float.IsFinite)) range = Math.Max(range, Math.Abs(value));
        for (var seed = 0; seed < 4; seed++)
        {
            var random = new Random(seed);
            using var session = new InferenceSession(Disturbed(random).ToByteArray(), s_options);
            var changed = Run(session, data.ToDictionary(d => d.Key, d => d.Value is float[] values ? Changed(values) : d.Value), _before.ToDictionary(s => s.Key, s => Changed(s.Value)), trial)[output].Data;
            for (var i = 0; i < exact.Length; i++) most = Math.Max(most, exact[i].Equals(changed[i]) ? 0 : Math.Abs((double)exact[i] - changed[i]) / range);

            float[] Changed(float[] values) => Array.ConvertAll(values, v => v * (1 + (random.NextSingle() - 0.5f) * 1e-6f));
        }

        return most;
    }

    /// <summary>The model with each intermediate value one last bit larger or smaller.</summary>
    private ModelProto Disturbed(Random random)
    {
        var model = _theirs.Clone();
        var values = _model.ValueNames.ToHashSet(StringComparer.Ordinal);
        var nodes = model.Graph.Node.ToList();
        model.Graph.Node.Clear();
        foreach (var node in nodes)
        {
            List<NodeProto> after = [];
            for (var i = 0; i < node.Output.Count; i++)
            {
                if (!values.Contains(node.Output[i])) continue;
                var (name, exact) = (node.Output[i], node.Output[i] + "_exact");
                model.Graph.Initializer.Add(OnnxBuilder.Tensor<float>(name + "_by", [], 1 + random.Next(-1, 2) * 1.2e-7f));
                node.Output[i] = exact;
                after.Add(RandomModel.Make("Mul", [exact, name + "_by"], [name]));
                after[^1].Name = name + "_disturbed";
            }

            model.Graph.Node.Add(node);
            model.Graph.Node.AddRange(after);
        }

        return model;
    }

    public void Dispose() => _session.Dispose();

    private Dictionary<string, (int[] Shape, float[] Data)> Run(InferenceSession session, Dictionary<string, Array> data, Dictionary<string, float[]> states, int trial)
    {
        var inputs = new Dictionary<string, OrtValue>();
        try
        {
            foreach (var port in _model.Inputs)
            {
                var shape = Array.ConvertAll(port.Shape(trial), n => (long)n);
                inputs[port.Name] = Make(states.TryGetValue(port.Name, out var state) ? state : data[port.Name], shape);
            }

            using var results = session.Run(s_run, inputs, _outputs);
            return _outputs.Zip(results).ToDictionary(r => r.First, r => (Array.ConvertAll(r.Second.GetTensorTypeAndShape().Shape, n => (int)n), r.Second.GetTensorDataAsSpan<float>().ToArray()));
        }
        finally
        {
            foreach (var value in inputs.Values) value.Dispose();
        }
    }

    private static OrtValue Make(Array data, long[] shape) => data switch
    {
        float[] values => OrtValue.CreateTensorValueFromMemory(values, shape),
        long[] values => OrtValue.CreateTensorValueFromMemory(values, shape),
        int[] values => OrtValue.CreateTensorValueFromMemory(values, shape),
        _ => OrtValue.CreateTensorValueFromMemory((bool[])data, shape),
    };
}
