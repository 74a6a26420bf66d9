using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// The first inputs of an LSTM's groups, each for the gates i f g o: weights of the input, of the output before, the vectors over the cell
/// (for i f o), biases, the projection with its bias, and the factors of normalized gates (-1 if the operator has none).
/// </summary>
internal readonly record struct LstmPlaces(int Input, int Recurrent, int Peephole, int Bias, int Projection, int Normalization);

/// <summary>
/// i = σ(Wi x + Ri h + Pi⊙c + bi), f likewise, g = a(Wg x + Rg h + bg), c' = f⊙c + i⊙g, o = σ(Wo x + Ro h + Po⊙c' + bo), h' = o⊙a(c'), then the
/// projection of h'. Without the input gate's weights i = 1 - f. Gates may be normalized before the bias is added, and c' and the
/// projection may be limited.
/// </summary>
internal sealed class TfliteLstmCell : TfliteCell
{
    private const int I = 0, F = 1, G = 2, O = 3, Gates = 4;

    /// <summary>What TensorFlow Lite adds to the variance of a normalized gate.</summary>
    private const float Epsilon = 1e-8f;

    private readonly int _activation;
    private readonly IrTensor?[] _w = new IrTensor?[Gates];
    private readonly IrTensor?[] _r = new IrTensor?[Gates];
    private readonly IrTensor?[] _b = new IrTensor?[Gates];
    private readonly IrTensor?[] _p = new IrTensor?[Gates];
    private readonly IrTensor?[] _n = new IrTensor?[Gates];
    private readonly List<int>[] _from = [[], [], [], []];
    private IrTensor? _projection;
    private int _projectionAt;
    private IrTensor? _projectionBias;
    private int _units;
    private int _outputs;
    private int _features;
    private float _cellLimit;
    private float _outputLimit;

    private TfliteLstmCell(TfliteCall call, int activation)
        : base(call) => _activation = activation;

    public override int States => 2;

    private bool IsCoupled => _w[I] is null;

    protected override Func<string, string[], bool, (string, string[])>? Layer =>
        _cellLimit > 0 || _outputLimit > 0 || _projectionBias is not null || Array.Exists(_n, n => n is not null) || NameOf(_activation) is null ? null : AsLayer;

    public static TfliteLstmCell Read(TfliteCall call, LstmPlaces places, int activation, float cellLimit, float outputLimit)
    {
        var cell = new TfliteLstmCell(call, activation) { _cellLimit = cellLimit, _outputLimit = outputLimit };
        if (Matrix(call, places.Input + F).Shape is not [var units, var features] || Matrix(call, places.Recurrent + F).Shape is not [_, var outputs]) throw call.Fault("its weights are not matrices");
        (cell._units, cell._features, cell._outputs) = (units, features, outputs);
        cell._projectionAt = places.Projection;
        cell._projection = Find(call, places.Projection, outputs, units);
        cell._projectionBias = cell._projection is null ? null : Find(call, places.Projection + 1, outputs);
        if (cell._projection is null && outputs != units) throw call.Fault($"it has {units} units and {outputs} outputs, but no projection");
        for (var gate = 0; gate < Gates; gate++)
        {
            cell._w[gate] = Find(call, places.Input + gate, units, features);
            cell._r[gate] = Find(call, places.Recurrent + gate, units, outputs);
            cell._b[gate] = Find(call, places.Bias + gate, units);
            if (places.Normalization >= 0) cell._n[gate] = Find(call, places.Normalization + gate, units);
            if (gate != G) cell._p[gate] = Find(call, places.Peephole + (gate == O ? 2 : gate), units);
            cell._from[0].Add(places.Input + gate);
            cell._from[1].Add(places.Recurrent + gate);
            cell._from[2].Add(places.Bias + gate);
            if (gate != G) cell._from[3].Add(places.Peephole + (gate == O ? 2 : gate));
            if (gate != I && (cell._w[gate] is null || cell._r[gate] is null)) throw call.Fault("it lacks weights of a gate; the file is damaged");
        }

        if (cell._w[I] is null != cell._r[I] is null) throw call.Fault("it has only half of the weights of its input gate; the file is damaged");
        return cell;
    }

    /// <summary>The older kernel: one matrix [4 · units, features + units] and bias for the gates i g f o.</summary>
    public static TfliteLstmCell ReadBasic(TfliteCall call)
    {
        var weights = Matrix(call, 2);
        var units = weights.Shape[0] / Gates;
        var features = weights.Shape[1] - units;
        if (units < 1 || features < 1 || weights.Shape[0] != Gates * units) throw call.Fault($"its weights have shape [{string.Join(", ", weights.Shape)}]; they must be [4 · units, features + units]");
        var bias = Find(call, 3, Gates * units);
        var cell = new TfliteLstmCell(call, TfliteActivations.Tanh) { _units = units, _features = features, _outputs = units };
        foreach (var (gate, place) in ((int, int)[])[(I, 0), (G, 1), (F, 2), (O, 3)])
        {
            var (w, r) = (new float[units * features], new float[units * units]);
            for (var row = 0; row < units; row++)
            {
                var from = weights.Floats.Slice((place * units + row) * weights.Shape[1], weights.Shape[1]);
                from[..features].CopyTo(w.AsSpan(row * features));
                from[features..].CopyTo(r.AsSpan(row * units));
            }

            (cell._w[gate], cell._r[gate]) = (IrTensor.Of<float>([units, features], w), IrTensor.Of<float>([units, units], r));
            if (bias is not null) cell._b[gate] = IrTensor.Of([units], bias.Floats.Slice(place * units, units));
        }

        cell._from[0].Add(2);
        cell._from[1].Add(2);
        cell._from[2].Add(3);
        return cell;
    }

    protected override string[] Step(GraphComposer graph, string x, string[] states)
    {
        var (h, c) = (states[0], states[1]);
        string Sum(int gate, string? over)
        {
            var sum = graph.Op("Add", [graph.Product(x, _w[gate]!, "input_weights"), graph.Product(h, _r[gate]!, "recurrent_weights")]);
            if (_p[gate] is { } peephole && over is not null) sum = graph.Op("Add", [sum, graph.Op("Mul", [over, graph.Constant("peephole", peephole)])]);
            if (_n[gate] is { } factors)
            {
                var centred = graph.Op("Sub", [sum, graph.Op("ReduceMean", [sum, graph.Axes(-1)])]);
                var variance = graph.Op("ReduceMean", [graph.Op("Mul", [centred, centred]), graph.Axes(-1)]);
                var deviation = graph.Op("Sqrt", [graph.Op("Add", [variance, graph.Scalar(Epsilon)])]);
                sum = graph.Op("Mul", [graph.Op("Div", [centred, deviation]), graph.Constant("normalization", factors)]);
            }

            return _b[gate] is { } bias ? graph.Op("Add", [sum, graph.Constant("bias", bias)]) : sum;
        }

        var f = graph.Op("Sigmoid", [Sum(F, c)]);
        var i = IsCoupled ? graph.Op("Sub", [graph.Scalar(1), f]) : graph.Op("Sigmoid", [Sum(I, c)]);
        var g = Activated(Call, graph, Sum(G, null), _activation);
        var next = Limited(graph, graph.Op("Add", [graph.Op("Mul", [f, c]), graph.Op("Mul", [i, g])]), _cellLimit);
        var o = graph.Op("Sigmoid", [Sum(O, next)]);
        var y = graph.Op("Mul", [o, Activated(Call, graph, next, _activation)]);
        if (_projection is null) return [y, next];
        y = graph.Product(y, _projection, "projection_weights");
        if (_projectionBias is { } shift) y = graph.Op("Add", [y, graph.Constant("projection_bias", shift)]);
        return [Limited(graph, y, _outputLimit), next];
    }

    private static string Limited(GraphComposer graph, string value, float limit) => limit > 0 ? graph.Op("Clip", [value, graph.Scalar(-limit), graph.Scalar(limit)]) : value;

    private (string, string[]) AsLayer(string x, string[] first, bool isBackward)
    {
        var name = NameOf(_activation)!;
        string?[] inputs =
        [
            x,
            Joined(_from[0], [1, Gates * _units, _features], Rows(_w, _units * _features)),
            Joined(_from[1], [1, Gates * _units, _outputs], Rows(_r, _units * _outputs)),
            Array.Exists(_b, b => b is not null) ? Joined(_from[2], [1, 2 * Gates * _units], [.. Rows(_b, _units), .. new float[Gates * _units]]) : null,
            null,
            Graph.Unsqueeze(first[0], 0),
            Graph.Unsqueeze(first[1], 0),
            Array.Exists(_p, p => p is not null) ? Joined(_from[3], [1, 3 * _units], [.. Rows([_p[I], _p[F], null, _p[O]], _units) is var all ? [.. all[..(2 * _units)], .. all[(3 * _units)..]] : Array.Empty<float>()]) : null,
            _projection is null ? null : Joined([_projectionAt], [_outputs, _units], _projection.ToFloats()),
        ];
        return Written(RecurrentOp.Lstm, inputs, isBackward, _units, ["Sigmoid", name, name]);
    }

    /// <summary>The rows of all gates. Coupled gates have i = 1 - f, which is the sigmoid of the negated sum.</summary>
    private float[] Rows(IrTensor?[] gates, int each)
    {
        var rows = new float[Gates * each];
        for (var gate = 0; gate < Gates; gate++)
        {
            var isNegated = gate == I && IsCoupled;
            if (gates[isNegated ? F : gate] is not { } part) continue;
            var values = part.Floats;
            for (var i = 0; i < each; i++) rows[gate * each + i] = isNegated ? -values[i] : values[i];
        }

        return rows;
    }
}
