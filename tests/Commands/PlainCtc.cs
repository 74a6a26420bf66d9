using Google.Protobuf;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Commands;

/// <summary>An LSTM and a linear layer over frames of features, as an ONNX file and as plain arithmetic.</summary>
internal sealed class PlainCtc(int seed)
{
    private const int Inputs = SmallDecoder.Hidden;
    private const int Hidden = 5;
    private const int Labels = SmallFrames.Labels;

    private readonly float[] _w = Weights(seed * 4, 4 * Hidden * Inputs);
    private readonly float[] _r = Weights(seed * 4 + 1, 4 * Hidden * Hidden);
    private readonly float[] _b = Weights(seed * 4 + 2, 8 * Hidden);
    private readonly float[] _v = Weights(seed * 4 + 3, Hidden * Labels);

    public void WriteOnnx(string path) => File.WriteAllBytes(path, new OnnxBuilder()
        .Input("x", OnnxBuilder.Float, "T", 1, Inputs)
        .Constant("W", [1, 4 * Hidden, Inputs], _w)
        .Constant("R", [1, 4 * Hidden, Hidden], _r)
        .Constant("B", [1, 8 * Hidden], _b)
        .Constant("V", [Hidden, Labels], _v)
        .Constant<long>("axis", [1], 1)
        .Node("LSTM", "x W R B", "Y", ("hidden_size", Hidden))
        .Node("Squeeze", "Y axis", "y")
        .Node("MatMul", "y V", "logits")
        .Output("logits", OnnxBuilder.Float, "T", 1, Labels)
        .Model.ToByteArray());

    /// <summary>Gates in ONNX's order: input, output, forget, cell.</summary>
    public double[][] LogProbabilities(float[] features)
    {
        var (h, c) = (new double[Hidden], new double[Hidden]);
        return [.. features.Chunk(Inputs).Select(x =>
        {
            double Gate(int gate, int unit)
            {
                var row = gate * Hidden + unit;
                return _b[row] + _b[4 * Hidden + row] + x.Select((value, i) => (double)value * _w[row * Inputs + i]).Sum() + h.Select((value, i) => value * _r[row * Hidden + i]).Sum();
            }

            var gates = Enumerable.Range(0, Hidden).Select(u => (I: Numbers.Sigmoid(Gate(0, u)), O: Numbers.Sigmoid(Gate(1, u)), F: Numbers.Sigmoid(Gate(2, u)), C: Math.Tanh(Gate(3, u)))).ToArray();
            c = [.. gates.Select((gate, u) => gate.F * c[u] + gate.I * gate.C)];
            h = [.. gates.Select((gate, u) => gate.O * Math.Tanh(c[u]))];
            var logits = Enumerable.Range(0, Labels).Select(label => h.Select((value, u) => value * _v[u * Labels + label]).Sum()).ToArray();
            var sum = Math.Log(logits.Sum(Math.Exp));
            return logits.Select(logit => logit - sum).ToArray();
        })];
    }

    private static float[] Weights(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2 - 1) * 2)];
    }
}
