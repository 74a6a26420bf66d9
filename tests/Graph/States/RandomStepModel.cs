using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>
/// A random model of one step: layers, windows, caches, smoothers and written-out cells in sequence, whose states are ports of the model,
/// some joined in one tensor. Other inputs and outputs have the same shapes but are not states. Port names say nothing or something wrong,
/// and ports are in random order.
/// </summary>
internal sealed class RandomStepModel
{
    private const int Width = 4;

    private readonly Random _random;
    private readonly OnnxBuilder _model = new(18);
    private readonly List<(string Name, int[] Shape)> _inputs = [];
    private readonly List<(string Name, int[] Shape)> _outputs = [];
    private readonly List<(string In, string Out, int[] Shape, bool IsSure)> _open = [];
    private bool _isFree = true;
    private int _next;

    public RandomStepModel(int seed)
    {
        _random = new Random(seed);
        _model.Integers("0", 0).Integers("1", 1).Integers("2", 2).Integers("end", long.MaxValue).Constant("a", [], 0.8f).Constant("b", [], 0.2f);
        _inputs.Add(("x", [1, 1, Width]));
        var value = "x";
        for (var parts = _random.Next(1, 5); parts > 0; parts--) value = Part(value);
        value = Decoys(value);
        _model.Matrix(Seed(), value, "y", Width, 3);
        _outputs.Add(("y", [1, 1, 3]));
        Pack();
        Declare();
    }

    /// <summary>Input and output of each state, and whether a layer, window or cache shows it.</summary>
    public List<(string In, string Out, bool IsSure)> States { get; } = [];

    public OnnxBuilder Model => _model;

    /// <summary>The first outputs of some steps by ONNX Runtime with its states fed back.</summary>
    public float[][] Reference(float[][] steps, string output)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(Google.Protobuf.MessageExtensions.ToByteArray(_model.Model), options);
        var fed = _inputs.ToDictionary(i => i.Name, i => new float[Numbers.Count(i.Shape)]);
        return [.. steps.Select(step =>
        {
            fed["x"] = step;
            using var results = session.Run([.. _inputs.Select(i => NamedOnnxValue.CreateFromTensor(i.Name, new DenseTensor<float>(fed[i.Name], i.Shape)))]);
            foreach (var (input, name, _) in States) fed[input] = results.First(r => r.Name == name).AsTensor<float>().ToArray();
            return results.First(r => r.Name == output).AsTensor<float>().ToArray();
        })];
    }

    public static float[][] Steps(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 5).Select(_ => Numbers.Random(random, Width))];
    }

    private int Seed() => _random.Next(1, 1 << 20);

    private string Name(string stem) => $"{stem}{_next++}";

    /// <summary>Adds a state: its value before and after.</summary>
    private (string Before, string After) State(bool isSure, params int[] shape)
    {
        var state = (Name("before"), Name("after"), shape, isSure);
        _open.Add(state);
        return (state.Item1, state.Item2);
    }

    private string Part(string x)
    {
        var y = Name("v");
        switch (_random.Next(8))
        {
            case 0:
                var (h, hn) = State(isSure: true, 1, 1, Width);
                var (c, cn) = State(isSure: true, 1, 1, Width);
                _model.Layer("LSTM", Seed(), Width, Width, $"{x} {h} {c}", $"{y}.all {hn} {cn}").Node("Squeeze", $"{y}.all 1", y);
                break;
            case 1 or 2:
                var (g, gn) = State(isSure: true, 1, 1, Width);
                _model.Layer(_random.Next(2) == 0 ? "GRU" : "RNN", Seed(), Width, Width, $"{x} {g}", $"{y}.all {gn}").Node("Squeeze", $"{y}.all 1", y);
                break;
            case 3:
                var reach = _random.Next(1, 4);
                var (p, pn) = State(isSure: true, 1, Width, reach);
                _model.Integers(y + ".from", -reach).Node("Transpose", x, y + ".t", ("perm", new long[] { 0, 2, 1 })).Node("Concat", $"{p} {y}.t", y + ".window", ("axis", 2)).Random(y + ".w", Seed(), 0.4f, Width, Width, reach + 1)
                    .Node("Conv", $"{y}.window {y}.w", y + ".c").Node("Slice", $"{y}.window {y}.from end 2", pn).Node("Transpose", y + ".c", y, ("perm", new long[] { 0, 2, 1 }));
                break;
            case 4:
                var length = _random.Next(2, 5);
                var (k, kn) = State(isSure: true, 1, length, Width);
                var (v, vn) = State(isSure: true, 1, length, Width);
                _model.Integers(y + ".from", -length).Matrix(Seed(), x, y + ".k", Width, Width).Matrix(Seed(), x, y + ".v", Width, Width).Node("Concat", $"{k} {y}.k", y + ".keys", ("axis", 1)).Node("Concat", $"{v} {y}.v", y + ".values", ("axis", 1))
                    .Node("Transpose", y + ".keys", y + ".kt", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", $"{x} {y}.kt", y + ".s").Node("Softmax", y + ".s", y + ".p", ("axis", -1)).Node("MatMul", $"{y}.p {y}.values", y)
                    .Node("Slice", $"{y}.keys {y}.from end 1", kn).Node("Slice", $"{y}.values {y}.from end 1", vn);
                break;
            case 5:
                var size = _random.Next(2, 5);
                var (q, qn) = State(isSure: true, 1, size, Width);
                _model.Node("Slice", $"{q} 1 end 1", y + ".rest").Node("Concat", $"{y}.rest {x}", qn, ("axis", 1)).Constant(y + ".to", [3], 1L, 1, size * Width).Node("Reshape", $"{qn} {y}.to", y + ".flat").Matrix(Seed(), y + ".flat", y, size * Width, Width);
                break;
            case 6:
                var (s, sn) = State(isSure: false, 1, 1, Width);
                _model.Matrix(Seed(), x, y + ".new", Width, Width).Node("Mul", $"{s} a", y + ".old").Node("Mul", $"{y}.new b", y + ".add").Node("Add", $"{y}.old {y}.add", sn).Matrix(Seed(), sn, y, Width, Width);
                break;
            default:
                _isFree = false; // In a written-out cell x and h differ only in their positions among the inputs.
                var (e, en) = State(isSure: true, 1, Width);
                var (d, dn) = State(isSure: true, 1, Width);
                _model.Node("Squeeze", $"{x} 1", y + ".x").Matrix(Seed(), y + ".x", y + ".wx", Width, 4 * Width).Matrix(Seed(), e, y + ".rh", Width, 4 * Width).Random(y + ".bias", Seed(), 0.3f, 4 * Width).Node("Add", $"{y}.wx {y}.rh", y + ".s").Node("Add", $"{y}.s {y}.bias", y + ".g")
                    .Node("Split", y + ".g", $"{y}.i {y}.f {y}.n {y}.o", ("axis", 1), ("num_outputs", 4)).Node("Sigmoid", y + ".i", y + ".si").Node("Sigmoid", y + ".f", y + ".sf").Node("Tanh", y + ".n", y + ".tn").Node("Sigmoid", y + ".o", y + ".so")
                    .Node("Mul", $"{y}.sf {d}", y + ".kept").Node("Mul", $"{y}.si {y}.tn", y + ".new").Node("Add", $"{y}.kept {y}.new", dn).Node("Tanh", dn, y + ".td").Node("Mul", $"{y}.so {y}.td", en).Node("Unsqueeze", $"{en} 1", y);
                break;
        }

        return y;
    }

    /// <summary>Inputs and outputs with states' shapes that are not states: a mask, a condition, other results.</summary>
    private string Decoys(string x)
    {
        if (_random.Next(2) == 0)
        {
            var (mask, masked) = (Name("in"), Name("v"));
            _inputs.Add((mask, [1, 1, Width]));
            _model.Matrix(Seed(), mask, masked + ".m", Width, Width).Node("Add", $"{x} {masked}.m", masked + ".s").Matrix(Seed(), masked + ".s", masked, Width, Width);
            x = masked;
        }

        for (var i = _random.Next(3); i > 0; i--)
        {
            var result = Name("out");
            _model.Matrix(Seed(), x, result + ".m", Width, Width).Node("Softmax", result + ".m", result, ("axis", -1));
            _outputs.Add((result, [1, 1, Width]));
        }

        return x;
    }

    /// <summary>Some states of one shape become slices of one tensor, in random order, possibly with another axis first.</summary>
    private void Pack()
    {
        foreach (var group in _open.GroupBy(s => string.Join('x', s.Shape)).ToList())
        {
            var all = group.OrderBy(_ => _random.Next()).ToList();
            while (all.Count > 1 && _random.Next(2) == 0)
            {
                var taken = all.Take(_random.Next(2, all.Count + 1)).ToList();
                all.RemoveRange(0, taken.Count);
                taken.ForEach(t => _open.Remove(t));
                var (before, after) = (Name("stack"), Name("stacked"));
                var rank = taken[0].Shape.Length;
                var isTurned = rank == 3 && _random.Next(2) == 0;
                int[] shape = [taken.Count * taken[0].Shape[0], .. taken[0].Shape[1..]];
                var perm = new long[] { 1, 0, 2 };
                var nodes = new List<Google.Protobuf.IMessage>();
                var first = isTurned ? before + ".t" : before;
                for (var i = taken.Count - 1; i >= 0; i--)
                {
                    _model.Integers($"{before}.{i}", i).Integers($"{before}.{i}e", i + 1);
                    _model.Graph.Node.Insert(0, OnnxBuilder.MakeNode("Slice", $"{first} {before}.{i} {before}.{i}e 0", taken[i].In));
                }

                if (isTurned) _model.Graph.Node.Insert(0, OnnxBuilder.MakeNode("Transpose", before, first, ("perm", perm)));
                _model.Node("Concat", string.Join(' ', taken.Select(t => t.Out)), isTurned ? after + ".t" : after, ("axis", 0));
                if (isTurned) _model.Node("Transpose", after + ".t", after, ("perm", perm));
                _open.Add((before, after, isTurned ? [shape[1], shape[0], shape[2]] : shape, taken.TrueForAll(t => t.IsSure)));
            }
        }
    }

    private void Declare()
    {
        var isMisleading = _random.Next(2) == 0;
        string[] befores = ["h_in", "c_in", "state_in", "cache_in", "past_in", "hidden", "cell0", "buf_in"], afters = ["c_out", "h_out", "cache_out", "state_out", "hidden_out", "past_out", "cell_out", "buf_out"];
        var (i, shift) = (0, _random.Next(befores.Length));
        foreach (var state in _open)
        {
            var (before, after) = isMisleading && i < befores.Length ? (befores[i], afters[(i + shift) % afters.Length]) : ($"{100 + 2 * i}", $"{101 + 2 * i}");
            Rename(state.In, before);
            Rename(state.Out, after);
            _inputs.Add((before, state.Shape));
            _outputs.Add((after, state.Shape));
            States.Add((before, after, state.IsSure));
            i++;
        }

        // The first input or output is not a state if it depends on the input element by element.
        var isFree = _isFree && _open.TrueForAll(s => s.IsSure);
        foreach (var (name, shape) in Shuffled(_inputs, isFree)) _model.Input(name, OnnxBuilder.Float, [.. shape.Select(s => (object)s)]);
        foreach (var (name, shape) in Shuffled(_outputs, isFree)) _model.Output(name, OnnxBuilder.Float, [.. shape.Select(s => (object)s)]);
    }

    private IEnumerable<(string Name, int[] Shape)> Shuffled(List<(string Name, int[] Shape)> ports, bool isFree) =>
        isFree ? ports.OrderBy(_ => _random.Next()) : ports.Where(p => p.Name is "x" or "y").Concat(ports.Where(p => p.Name is not ("x" or "y")).OrderBy(_ => _random.Next()));

    private void Rename(string from, string to)
    {
        foreach (var node in _model.Graph.Node)
        {
            for (var i = 0; i < node.Input.Count; i++)
            {
                if (node.Input[i] == from) node.Input[i] = to;
            }

            for (var i = 0; i < node.Output.Count; i++)
            {
                if (node.Output[i] == from) node.Output[i] = to;
            }
        }
    }
}
