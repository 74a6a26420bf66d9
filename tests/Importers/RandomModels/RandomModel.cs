using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>
/// A random valid ONNX model, built block by block. The shape of every value is known at each trial (a set of sizes of the symbolic
/// dimensions), so that blocks fit. All randomness comes from the seed.
/// </summary>
internal sealed class RandomModel
{
    private static readonly (int Weight, Func<RandomModel, bool> TryAdd)[] s_blocks =
    [
        (10, RandomRecurrent.TryLayer), (3, RandomRecurrent.TryCell),
        (4, RandomSpatial.TryConv), (2, RandomSpatial.TryConvTranspose), (3, RandomSpatial.TryPool),
        (4, RandomAttention.TryAttention), (3, RandomAttention.TryAdditive), (3, RandomAttention.TryMatMul),
        (3, RandomShapes.TryReshape), (2, RandomShapes.TryComputedReshape), (3, RandomShapes.TryTranspose), (3, RandomShapes.TrySlice), (3, RandomShapes.TryConcat),
        (3, RandomShapes.TrySplit), (2, RandomShapes.TryExpand), (2, RandomShapes.TryTile), (2, RandomShapes.TryUnsqueeze), (2, RandomShapes.TryFlatten),
        (3, RandomIndexing.TryGather), (3, RandomIndexing.TryPad), (1, RandomIndexing.TryReverse), (1, RandomIndexing.TryTopK), (1, RandomIndexing.TryGatherElements),
        (1, RandomIndexing.TryDepthToSpace), (1, RandomIndexing.TryCumSum), (1, RandomIndexing.TryScatter), (1, RandomIndexing.TryTrilu), (1, RandomIndexing.TryEmbedding),
        (3, RandomReductions.TryReduce), (2, RandomReductions.TrySoftmax), (4, RandomReductions.TryNormalize), (1, RandomReductions.TryArgument),
        (4, RandomElementwise.TryUnary), (4, RandomElementwise.TryBinary), (2, RandomElementwise.TryWhere), (1, RandomElementwise.TryClip), (1, RandomElementwise.TryBitwiseNot),
        (2, RandomControl.TryIf), (2, RandomControl.TryLoop), (2, RandomControl.TryScan),
        (3, RandomChains.TryConstantsBehindProduct), (2, RandomChains.TryTwoTransposes),
        (2, RandomStates.TrySmoother), (2, RandomStates.TryWindow), (2, RandomStates.TryCache),
    ];

    private static readonly int s_totalWeight = s_blocks.Sum(b => b.Weight);

    /// <summary>Limit of a value's elements.</summary>
    public const int MostElements = 200_000;

    private readonly OnnxBuilder _builder;
    private readonly List<RandomValue> _values = [];
    private readonly Dictionary<string, NodeProto[]> _replaced = [];
    private readonly Dictionary<string, RandomAxis> _symbols = [];
    private readonly string[] _outputs;
    private int _names;

    public RandomModel(int seed)
    {
        Seed = seed;
        Random = new Random(seed);
        Opset = Choose(8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18, 19, 20, 21);
        IsStepped = Chance(0.3);
        Trials = IsStepped ? 1 : Choose(1, 2, 3);
        Steps = IsStepped ? 4 : 1;
        _builder = new OnnxBuilder(Opset);
        var first = IsStepped ? Dimension(1) : Sometimes("T", probability: 0.7, least: 1, Choose(9, 9, 9, 9, 40));
        var batch = Chance(0.5) ? Dimension(1) : Sometimes("B", IsStepped ? 0 : 0.7, least: 1, most: 4);
        for (var i = Choose(1, 1, 2, 3); i > 0; i--) AddInput(first, batch);
        var blocks = 1 + Random.Next(6);
        for (var tries = 0; blocks > 0 && tries < 60; tries++)
        {
            if (TryAddBlock()) blocks--;
        }

        _outputs = ChooseOutputs();
    }

    public int Seed { get; }

    public Random Random { get; }

    public int Opset { get; }

    /// <summary>Sets of sizes at which the model runs.</summary>
    public int Trials { get; }

    /// <summary>Number of runs in each trial, with states fed back.</summary>
    public int Steps { get; }

    /// <summary>Whether blocks may add states.</summary>
    public bool IsStepped { get; }

    public List<RandomPort> Inputs { get; } = [];

    /// <summary>States: input and output.</summary>
    public List<(RandomPort Input, string Output)> States { get; } = [];

    public IReadOnlyList<string> Outputs => _outputs;

    /// <summary>Names of the float32 values.</summary>
    public IEnumerable<string> ValueNames => _values.Select(v => v.Name);

    /// <summary>Symbolic dimensions, with the sizes of each trial.</summary>
    public IReadOnlyDictionary<string, RandomAxis> Symbols => _symbols;

    public ModelProto Ours => _builder.Model;

    /// <summary>The model for ONNX Runtime. Where it lacks a form of an operator, the same is computed in another form.</summary>
    public ModelProto Theirs
    {
        get
        {
            if (_replaced.Count == 0) return Ours;
            var model = Ours.Clone();
            var nodes = model.Graph.Node.SelectMany(node => _replaced.GetValueOrDefault(node.Name, [node])).ToList();
            model.Graph.Node.Clear();
            model.Graph.Node.AddRange(nodes);
            return model;
        }
    }

    public T Choose<T>(params ReadOnlySpan<T> of) => of[Random.Next(of.Length)];

    public bool Chance(double probability) => Random.NextDouble() < probability;

    public float Between(float low, float high) => low + Random.NextSingle() * (high - low);

    public RandomAxis Dimension(int size) => RandomAxis.Of(size, Trials);

    public string NewName(string kind) => $"{kind}{_names++}";

    /// <summary>A value that fits, or null. Newer values are more likely.</summary>
    public RandomValue? Pick(Func<RandomValue, bool> fits)
    {
        var found = _values.Where(v => v.Axes.All(a => a.Least > 0) && fits(v)).ToList();
        return found.Count == 0 ? null : Chance(0.6) ? found[^1] : found[Random.Next(found.Count)];
    }

    /// <summary>Whether an input may have such axes: an axis computed from a symbol has no symbol of its own.</summary>
    public bool CanBeInput(IEnumerable<RandomAxis> axes) => axes.All(a => a.IsFixed || a.Key is "T" or "B");

    /// <summary>A float input with random content between the bounds.</summary>
    public RandomValue Input(string kind, IReadOnlyList<RandomAxis> axes, float low = -1, float high = 1) =>
        Register(new RandomValue(Port(kind, OnnxBuilder.Float, axes, (random, shape) => Fill(shape, () => low + random.NextSingle() * (high - low))), axes));

    /// <summary>An input of any type. Returns its name.</summary>
    public string Port(string kind, int type, IReadOnlyList<RandomAxis> axes, Func<Random, int[], Array> data)
    {
        var port = new RandomPort(NewName(kind), axes, data);
        foreach (var axis in axes.Where(a => !a.IsFixed)) _symbols[axis.Key] = axis;
        _builder.Input(port.Name, type, [.. axes.Select(a => a.IsFixed ? (object)a.Size : a.Key)]);
        Inputs.Add(port);
        return port.Name;
    }

    /// <summary>A state: an input of fixed shape whose output <see cref="EndState"/> sets.</summary>
    public (RandomValue Value, RandomPort Port) BeginState(string kind, IReadOnlyList<RandomAxis> axes)
    {
        var value = Input(kind, axes);
        _values.Remove(value);
        return (value, Inputs[^1]);
    }

    public void EndState(RandomPort input, RandomValue next)
    {
        if (States.Exists(s => s.Output == next.Name)) next = Node("Identity", next.Axes, [next.Name]);
        States.Add((input, next.Name));
    }

    public static T[] Fill<T>(int[] shape, Func<T> next)
    {
        var data = new T[Numbers.Count(shape)];
        for (var i = 0; i < data.Length; i++) data[i] = next();
        return data;
    }

    /// <summary>Random weights in [-range, range]. Returns their name.</summary>
    public string Weights(float range, params long[] shape) => Weights(-range, range, shape);

    /// <summary>Weights between bounds: an initializer, or nodes that exporters leave before they fold constants.</summary>
    public string Weights(float low, float high, params long[] shape)
    {
        var data = Fill([.. shape.Select(n => (int)n)], () => Between(low, high));
        switch (Chance(0.2) ? Random.Next(5) : -1)
        {
            case 0:
                return Raw("Constant", [], ("value", OnnxBuilder.Tensor("", shape, data)));
            case 1:
                return Raw("Identity", [Constant(shape, data)]);
            case 2:
                return Raw("Reshape", [Constant([data.Length], data), Integers(shape)]);
            case 3 when shape.Length >= 2:
                long[] order = [.. Enumerable.Range(0, shape.Length).Select(i => (long)i).Reverse()];
                return Raw("Transpose", [Constant([.. shape.Reverse()], data)], ("perm", order));
            case 4 when shape.Length >= 1 && shape[0] >= 2:
                var row = data.Length / (int)shape[0];
                string upper = Constant([1, .. shape.Skip(1)], data[..row]), lower = Constant([shape[0] - 1, .. shape.Skip(1)], data[row..]);
                return Raw("Concat", [upper, lower], ("axis", 0));
            default:
                return Constant(shape, data);
        }
    }

    public string Constant<T>(long[] shape, params T[] data)
        where T : unmanaged
    {
        var name = NewName("c");
        _builder.Constant(name, shape, data);
        return name;
    }

    public string Integers(params long[] data) => Constant([data.Length], data);

    /// <summary>Adds a node with one output, which blocks may build on.</summary>
    public RandomValue Node(string op, IReadOnlyList<RandomAxis> axes, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes)
    {
        var name = NewName("v");
        Raw(op, inputs, [name], attributes);
        return Register(new RandomValue(name, axes));
    }

    /// <summary>Adds a node and returns its first output's name. Empty names stand for omitted inputs and outputs.</summary>
    public string Raw(string op, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs, params (string Name, object Value)[] attributes)
    {
        _builder.Node(op, Text(inputs), Text(outputs), attributes);
        return outputs[0];
    }

    public string Raw(string op, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes) => Raw(op, inputs, [NewName("r")], attributes);

    public RandomValue Register(RandomValue value)
    {
        if (value.Elements > MostElements) throw new InvalidOperationException($"{value.Name} is too large");
        _values.Add(value);
        return value;
    }

    /// <summary>The replacement of the last node for ONNX Runtime.</summary>
    public void ReplaceLastForTheirs(params NodeProto[] nodes) => _replaced[_builder.Graph.Node[^1].Name] = nodes;

    public static NodeProto Make(string op, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs, params (string Name, object Value)[] attributes) =>
        OnnxBuilder.MakeNode(op, Text(inputs), Text(outputs), attributes);

    private static string Text(IEnumerable<string> names) => string.Join(' ', names.Select(n => n.Length == 0 ? "-" : n));

    private void AddInput(RandomAxis time, RandomAxis batch)
    {
        var channels = Dimension(Choose(1, 2, 3, 4, 5, 6, 8, 12));
        if (IsStepped)
        {
            Input("x", Choose<RandomAxis[]>([time, batch, channels], [batch, time, channels], [batch, channels], [batch, channels, time]));
            return;
        }

        Input("x", Random.Next(6) switch
        {
            0 or 1 => [time, batch, channels],
            2 => [batch, time, channels],
            3 => [batch, channels, time],
            4 => [batch, channels],
            _ => [batch, Dimension(Choose(1, 2, 4)), time, Dimension(Choose(2, 3, 5))],
        });
    }

    /// <summary>A dimension that is symbolic with a probability.</summary>
    private RandomAxis Sometimes(string symbol, double probability, int least, int most)
    {
        if (!Chance(probability)) return Dimension(Random.Next(least, most + 1));
        return new RandomAxis(symbol, IsFixed: false, [.. Enumerable.Range(0, Trials).Select(_ => Random.Next(least, most + 1))]);
    }

    private bool TryAddBlock()
    {
        var at = Random.Next(s_totalWeight);
        foreach (var (weight, tryAdd) in s_blocks)
        {
            at -= weight;
            if (at < 0) return tryAdd(this);
        }

        return false;
    }

    private string[] ChooseOutputs()
    {
        var produced = _builder.Graph.Node.SelectMany(n => n.Output).ToHashSet(StringComparer.Ordinal);
        var values = _values.Where(v => produced.Contains(v.Name) && !States.Exists(s => s.Output == v.Name)).Select(v => v.Name).Distinct().ToList();
        if (values.Count == 0) values.Add(Node("Identity", _values[0].Axes, [_values[0].Name]).Name);
        string[] outputs = [.. values.Where(name => name == values[^1] || Chance(0.25)).TakeLast(4)];
        foreach (var name in outputs.Concat(States.Select(s => s.Output)))
        {
            _builder.Graph.Output.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = OnnxBuilder.Float } } });
        }

        return outputs;
    }
}
