using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>LSTM, GRU and RNN with all attributes and optional inputs and outputs, and the same layers written out.</summary>
internal static class RandomRecurrent
{
    /// <summary>
    /// Functions that a gate may use, with the range of alpha and beta if they have them. Unbounded functions come last. They let states grow
    /// beyond float32 within about ten steps; ONNX Runtime's Softplus is infinite above 88.
    /// </summary>
    private static readonly (string Name, float[] Alpha, float[] Beta)[] s_functions =
    [
        ("Sigmoid", [], []), ("Tanh", [], []), ("Softsign", [], []), ("ScaledTanh", [0.5f, 1.5f], [0.3f, 1.2f]), ("HardSigmoid", [0.1f, 0.4f], [0.3f, 0.6f]),
        ("Relu", [], []), ("Affine", [0.2f, 0.9f], [-0.3f, 0.3f]), ("LeakyRelu", [0.01f, 0.4f], []), ("Elu", [0.3f, 1.2f], []), ("ThresholdedRelu", [0.1f, 0.5f], []), ("Softplus", [], []),
    ];

    private const int Bounded = 5;

    public static bool TryLayer(RandomModel m)
    {
        if (m.Pick(v => v.Rank == 3 && v.Axes[2].IsFixed && v.Axes[2].Size <= 24 && v.Axes[0].Most <= 80) is not { } x) return false;
        var op = m.Choose("LSTM", "LSTM", "GRU", "GRU", "RNN");
        var batchFirst = m.Opset >= 14 && m.Chance(0.2);
        var (time, batch) = batchFirst ? (x.Axes[1], x.Axes[0]) : (x.Axes[0], x.Axes[1]);
        var layer = new Layer(m, op, x, time, batch, batchFirst);
        layer.Add();
        return true;
    }

    /// <summary>One written-out step of an LSTM or GRU: MatMul or Gemm, Split, gates.</summary>
    public static bool TryCell(RandomModel m)
    {
        if (m.Pick(v => v.Rank == 2 && v.Axes[1].IsFixed && v.Axes[1].Size <= 24 && m.CanBeInput(v.Axes)) is not { } x) return false;
        var hidden = m.Choose(2, 3, 4, 8);
        IReadOnlyList<RandomAxis> shape = [x.Axes[0], m.Dimension(hidden)];
        var isState = m.IsStepped && x.Axes[0].IsFixed;
        var (h, hPort) = Start();
        var (c, cPort) = Start();
        var gates = Project(4);
        var parts = m.Split(gates, 1, hidden, hidden, hidden, hidden);
        string[] sigmoid = [.. parts.Take(3).Select(p => m.Raw("Sigmoid", [p]))];
        var kept = m.Raw("Mul", [sigmoid[1], c]);
        var cell = m.Node("Add", shape, [kept, m.Raw("Mul", [sigmoid[0], m.Raw("Tanh", [parts[3]])])]);
        var next = m.Node("Mul", shape, [sigmoid[2], m.Raw("Tanh", [cell.Name])]);
        if (hPort is not null) m.EndState(hPort, next);
        if (cPort is not null) m.EndState(cPort, cell);
        return true;

        (string Name, RandomPort? Port) Start()
        {
            if (!isState) return (m.Input("h", shape).Name, null);
            var (value, port) = m.BeginState("h", shape);
            return (value.Name, port);
        }

        string Project(int count)
        {
            var size = x.Axes[1].Size;
            if (m.Chance(0.5))
            {
                var both = m.Raw("Concat", [x.Name, h], ("axis", 1));
                return m.Raw("Gemm", [both, m.Weights(0.5f, count * hidden, size + hidden), m.Weights(0.3f, count * hidden)], ("transB", 1));
            }

            var input = m.Raw("MatMul", [x.Name, m.Weights(0.5f, size, count * hidden)]);
            var recurrent = m.Raw("MatMul", [h, m.Weights(0.5f, hidden, count * hidden)]);
            return m.Raw("Add", [m.Raw("Add", [input, recurrent]), m.Weights(0.3f, count * hidden)]);
        }
    }

    /// <summary>A layer under construction.</summary>
    private sealed class Layer(RandomModel m, string op, RandomValue x, RandomAxis time, RandomAxis batch, bool batchFirst)
    {
        private readonly int _hidden = m.Choose(1, 2, 3, 4, 5, 8, 9, 16, 17);
        private readonly string _direction = m.Choose("forward", "forward", "forward", "reverse", "bidirectional", "bidirectional");
        private readonly List<(string Name, object Value)> _attributes = [];

        private int Directions => _direction == "bidirectional" ? 2 : 1;

        private int Gates => op switch { "LSTM" => 4, "GRU" => 3, _ => 1 };

        private IReadOnlyList<RandomAxis> StateAxes => batchFirst ? [batch, m.Dimension(Directions), m.Dimension(_hidden)] : [m.Dimension(Directions), batch, m.Dimension(_hidden)];

        public void Add()
        {
            AddAttributes();
            var states = m.IsStepped && batch.IsFixed && _direction == "forward" && m.Chance(0.7);
            var hasCell = op == "LSTM";
            RandomPort? hPort = null, cPort = null;
            List<string> inputs =
            [
                x.Name, m.Weights(0.5f, Directions, Gates * _hidden, x.Axes[2].Size), m.Weights(0.5f, Directions, Gates * _hidden, _hidden),
                m.Chance(0.7) ? m.Weights(0.3f, Directions, 2 * Gates * _hidden) : "",
                !states && m.CanBeInput([batch]) && m.Chance(0.25) ? Lengths() : "",
            ];
            inputs.Add(Initial(states, 0.4, ref hPort));
            if (hasCell) inputs.Add(Initial(states, 0.4, ref cPort));
            if (hasCell) inputs.Add(m.Chance(0.3) ? m.Weights(0.4f, Directions, 3 * _hidden) : "");
            while (inputs[^1].Length == 0) inputs.RemoveAt(inputs.Count - 1);

            var all = new[] { m.NewName("v"), m.NewName("v"), m.NewName("v") }[..(hasCell ? 3 : 2)];
            string[] outputs = [.. all.Select((name, i) => m.Chance(0.6) || (i == 1 && hPort is not null) || (i == 2 && cPort is not null) ? name : "")];
            if (outputs.All(o => o.Length == 0)) outputs[m.Random.Next(outputs.Length)] = all[0];
            if (outputs[^1].Length == 0) outputs = [.. outputs.Reverse().SkipWhile(o => o.Length == 0).Reverse()];
            m.Raw(op, inputs, outputs, [.. _attributes]);
            if (batchFirst) ReplaceForTheirs(inputs, outputs);
            Register(outputs, hPort, cPort);
        }

        private void AddAttributes()
        {
            _attributes.Add(("hidden_size", _hidden));
            if (_direction != "forward" || m.Chance(0.5)) _attributes.Add(("direction", _direction));
            var isClipped = m.Chance(0.2);
            if (isClipped) _attributes.Add(("clip", m.Between(0.3f, 3)));
            if (op == "GRU" && m.Chance(0.6)) _attributes.Add(("linear_before_reset", m.Choose(0, 1, 1)));
            if (op == "LSTM" && m.Chance(0.15)) _attributes.Add(("input_forget", m.Choose(0, 1)));
            if (batchFirst) _attributes.Add(("layout", 1));
            if (!m.Chance(0.3)) return;
            var functions = Enumerable.Range(0, Directions * (op switch { "LSTM" => 3, "GRU" => 2, _ => 1 })).Select(_ => s_functions[m.Random.Next(isClipped && time.Most <= 9 ? s_functions.Length : time.Most <= 4 && m.Steps == 1 ? s_functions.Length - 1 : Bounded)]).ToList();

            // A cell that an unbounded gate lets grow passes 88, and ONNX Runtime's Softplus of it is infinite.
            for (var last = 2; op == "LSTM" && last < functions.Count; last += 3)
            {
                if (functions[last].Name == "Softplus" && Array.IndexOf(s_functions, functions[last - 2]) >= Bounded) functions[last] = s_functions[1];
            }

            _attributes.Add(("activations", functions.Select(f => f.Name).ToArray()));
            float[] alphas = [.. functions.Where(f => f.Alpha.Length > 0).Select(f => m.Between(f.Alpha[0], f.Alpha[1]))];
            float[] betas = [.. functions.Where(f => f.Beta.Length > 0).Select(f => m.Between(f.Beta[0], f.Beta[1]))];
            if (alphas.Length > 0) _attributes.Add(("activation_alpha", alphas));
            if (betas.Length > 0) _attributes.Add(("activation_beta", betas));
        }

        /// <summary>The length of each sequence: an input, or a constant if the sizes are known.</summary>
        private string Lengths()
        {
            if (batch.IsFixed && time.IsFixed && m.Chance(0.5)) return m.Constant<int>([batch.Size], RandomModel.Fill([batch.Size], () => m.Random.Next(1, time.Size + 1)));
            var most = time.Least;
            return m.Port("lengths", OnnxBuilder.Int32, [batch], (random, shape) => RandomModel.Fill(shape, () => random.Next(1, most + 1)));
        }

        private string Initial(bool isState, double probability, ref RandomPort? port)
        {
            if (isState)
            {
                (var value, port) = m.BeginState("state", StateAxes);
                return value.Name;
            }

            if (!m.Chance(probability)) return "";
            if (m.Opset >= 9 && m.Chance(0.3))
            {
                var size = m.Raw("Gather", [m.Raw("Shape", [x.Name]), m.Constant<long>([1], batchFirst ? 0 : 1)], ("axis", 0));
                string[] parts = batchFirst ? [size, m.Integers(Directions), m.Integers(_hidden)] : [m.Integers(Directions), size, m.Integers(_hidden)];
                return m.Raw("ConstantOfShape", [m.Raw("Concat", parts, ("axis", 0))]);
            }

            if (batch.IsFixed && m.Chance(0.5)) return m.Weights(0.8f, [.. StateAxes.Select(a => (long)a.Size)]);
            return m.Pick(v => v.Rank == 3 && v.Axes.Zip(StateAxes).All(p => p.First.Same(p.Second)))?.Name ?? (m.CanBeInput([batch]) ? m.Input("h", StateAxes).Name : "");
        }

        /// <summary>ONNX Runtime's layers have no batch-first layout, so inputs and outputs are transposed.</summary>
        private void ReplaceForTheirs(List<string> inputs, string[] outputs)
        {
            var nodes = new List<NodeProto>();
            string[] theirInputs = [.. inputs.Select((name, i) => name.Length > 0 && i is 0 or 5 or 6 ? name.Length > 0 ? Turned(name, name + "_" + m.NewName("t"), 1, 0, 2) : "" : name)];
            string[] theirOutputs = [.. outputs.Select(name => name.Length > 0 ? name + "_turned" : "")];
            var layer = RandomModel.Make(op, theirInputs, theirOutputs, [.. _attributes.Where(a => a.Name != "layout")]);
            nodes.Add(layer);
            for (var i = 0; i < outputs.Length; i++)
            {
                if (outputs[i].Length > 0) nodes.Add(RandomModel.Make("Transpose", [theirOutputs[i]], [outputs[i]], ("perm", i == 0 ? new long[] { 2, 0, 1, 3 } : [1, 0, 2])));
            }

            m.ReplaceLastForTheirs([.. nodes]);

            string Turned(string name, string to, params long[] order)
            {
                nodes.Add(RandomModel.Make("Transpose", [name], [to], ("perm", order)));
                return to;
            }
        }

        private void Register(string[] outputs, RandomPort? hPort, RandomPort? cPort)
        {
            RandomAxis directions = m.Dimension(Directions), hidden = m.Dimension(_hidden);
            for (var i = 1; i < outputs.Length; i++)
            {
                if (outputs[i].Length == 0) continue;
                var last = m.Register(new RandomValue(outputs[i], StateAxes));
                if ((i == 1 ? hPort : cPort) is { } port) m.EndState(port, last);
            }

            if (outputs[0].Length == 0) return;
            var y = m.Register(new RandomValue(outputs[0], batchFirst ? [batch, time, directions, hidden] : [time, directions, batch, hidden]));
            if (!m.Chance(0.8)) return;
            if (Directions == 1)
            {
                m.Squeeze(y, batchFirst ? 2 : 1);
                return;
            }

            if (!batchFirst) y = m.Transpose(y, 0, 2, 1, 3);
            m.Reshape(y, [y.Axes[0], y.Axes[1], m.Dimension(2 * _hidden)], 0, 0, -1);
        }
    }
}
