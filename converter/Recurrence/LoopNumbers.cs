using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// The scalar numbers of a loop's body: counters, conditions and indices. They are computed round by round at each probe, so it does not
/// matter how the model writes them.
/// </summary>
internal sealed class LoopNumbers
{
    private const int MostRounds = 1 << 18;

    /// <summary>Work of a number in a round, for the budget.</summary>
    private const long RoundWork = 200;

    private static readonly HashSet<string> s_known =
    [
        "Add", "Sub", "Mul", "Div", "Neg", "Abs", "Min", "Max", "Cast", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not", "Where", "Identity", "Squeeze", "Unsqueeze", "Reshape",
        "Flatten", "Floor", "Ceil", "Expand", "Concat",
    ];

    private readonly IrGraph _body;
    private readonly Evaluator _evaluator;
    private readonly Dictionary<string, (string First, string Next)> _carried;
    private readonly string _round;
    private readonly HashSet<string> _numbers = [];
    private readonly List<IrNode> _nodes = [];
    private readonly int _probes;

    /// <param name="body">The resolved body.</param>
    /// <param name="evaluator">Knows the values outside the loop.</param>
    /// <param name="round">The value that counts the rounds.</param>
    /// <param name="carried">The carried values of the body, with their first and next values.</param>
    public LoopNumbers(IrGraph body, Evaluator evaluator, string round, Dictionary<string, (string First, string Next)> carried)
    {
        (_body, _evaluator, _round) = (body, evaluator, round);
        _probes = evaluator.Probes;
        _carried = carried.Where(c => Enumerable.Range(0, _probes).All(p => evaluator.NumberOf(c.Value.First, p) is not null)).ToDictionary();
        while (true)
        {
            Collect();
            var lost = _carried.Where(c => !IsNumber(c.Value.Next)).Select(c => c.Key).ToList();
            if (lost.Count == 0) break;
            foreach (var name in lost) _carried.Remove(name);
        }
    }

    /// <summary>The number of rounds at each probe.</summary>
    public int[] Rounds { get; private set; } = [];

    public IEnumerable<string> Carried => _carried.Keys;

    /// <summary>Whether a value is a scalar that depends only on the round and on numbers known at conversion.</summary>
    public bool IsNumber(string value) => _numbers.Contains(value) || Outer(value, 0) is not null;

    /// <summary>Whether a number differs between rounds.</summary>
    public bool Varies(string value) => _numbers.Contains(value);

    /// <summary>Computes the rounds and returns each watched number in each round at each probe. Null if there are too many rounds.</summary>
    /// <param name="most">The maximum number of rounds at each probe.</param>
    /// <param name="condition">The value that decides whether another round follows.</param>
    /// <param name="watched">The numbers to return.</param>
    public Dictionary<string, long[][]>? Run(double[] most, string condition, IReadOnlyCollection<string> watched)
    {
        var noted = watched.Distinct().ToDictionary(w => w, _ => new long[_probes][]);
        Rounds = new int[_probes];
        for (var p = 0; p < _probes; p++)
        {
            var lists = noted.Keys.ToDictionary(w => w, _ => new List<long>());
            var values = _carried.ToDictionary(c => c.Key, c => _evaluator.NumberOf(c.Value.First, p)!.Value);
            var goes = true;
            var round = 0;
            for (; goes && round < most[p]; round++)
            {
                if (round >= MostRounds) return null;
                _body.Budget.Spend(RoundWork * (1 + _nodes.Count + lists.Count + _carried.Count), _body.Name);
                values[_round] = round;
                foreach (var node in _nodes) values[node.Output(0)] = Compute(node, input => Value(input, values, p));
                foreach (var (name, list) in lists) list.Add((long)Value(name, values, p));
                goes = Value(condition, values, p) != 0;
                foreach (var (name, next) in _carried.Select(c => (c.Key, Value(c.Value.Next, values, p))).ToList()) values[name] = next;
            }

            Rounds[p] = round;
            foreach (var (name, list) in lists) noted[name][p] = [.. list];
            foreach (var name in _carried.Keys) Last[(name, p)] = values[name];
        }

        return noted;
    }

    /// <summary>The carried numbers after the loop.</summary>
    public Dictionary<(string Name, int Probe), double> Last { get; } = [];

    private double Value(string name, Dictionary<string, double> values, int probe) => values.TryGetValue(name, out var value) ? value : Outer(name, probe)!.Value;

    private double? Outer(string value, int probe)
    {
        if (value.Length == 0) return null;
        if (_body.ConstantOf(value) is { Count: 1 } constant) return constant.Type is ElementType.Float32 or ElementType.Float64 ? constant.ToFloats()[0] : constant.Integers()[0];
        return _evaluator.NumberOf(value, probe);
    }

    private void Collect()
    {
        _numbers.Clear();
        _nodes.Clear();
        _numbers.Add(_round);
        _numbers.UnionWith(_carried.Keys);
        foreach (var node in _body.Nodes)
        {
            if (node.Outputs.Count != 1 || !s_known.Contains(node.Op) || !IsSingle(node.Output(0)) || (node.Op == "Concat" && node.Inputs.Count != 1)) continue;
            var read = node.Op is "Squeeze" or "Unsqueeze" or "Reshape" or "Expand" ? node.Inputs[..1] : node.Inputs;
            if (!read.TrueForAll(IsNumber)) continue;
            _numbers.Add(node.Output(0));
            _nodes.Add(node);
        }
    }

    private bool IsSingle(string value) => _body.Shapes.TryGetValue(value, out var shape) && Array.TrueForAll(shape.Sizes, s => s == 1);

    private double Compute(IrNode node, Func<string, double> value)
    {
        double a = value(node.Input(0)), b = node.Inputs.Count > 1 && node.Op is not ("Squeeze" or "Unsqueeze" or "Reshape" or "Expand") ? value(node.Input(1)) : 0;
        var type = _body.ShapeOf(node.Output(0)).Type;
        var isInteger = type is not (ElementType.Float32 or ElementType.Float64);
        return node.Op switch
        {
            "Add" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" => isInteger ? Math.Truncate(a / b) : a / b,
            "Neg" => -a,
            "Abs" => Math.Abs(a),
            "Min" => Math.Min(a, b),
            "Max" => Math.Max(a, b),
            "Floor" => Math.Floor(a),
            "Ceil" => Math.Ceiling(a),
            "Cast" => type == ElementType.Bool ? (a != 0 ? 1 : 0) : isInteger ? Math.Truncate(a) : a,
            "Less" => a < b ? 1 : 0,
            "LessOrEqual" => a <= b ? 1 : 0,
            "Greater" => a > b ? 1 : 0,
            "GreaterOrEqual" => a >= b ? 1 : 0,
            "Equal" => a == b ? 1 : 0,
            "And" => a != 0 && b != 0 ? 1 : 0,
            "Or" => a != 0 || b != 0 ? 1 : 0,
            "Xor" => a != 0 ^ b != 0 ? 1 : 0,
            "Not" => a == 0 ? 1 : 0,
            "Where" => a != 0 ? b : value(node.Input(2)),
            _ => a,
        };
    }
}
