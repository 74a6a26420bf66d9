using SeqRuntime.Format;
using SeqRuntime.Tests.Operators;

namespace SeqRuntime.Tests.Sessions.Sharing;

/// <summary>A size that grows with the sizes of the two symbols T and N.</summary>
internal readonly record struct Dim(int Constant, int Steps = 0, int Rows = 0)
{
    public static readonly Dim One = new(1);
    public static readonly Dim T = new(Constant: 0, Steps: 1);
    public static readonly Dim N = new(Constant: 0, Steps: 0, Rows: 1);

    public bool IsConstant => Steps == 0 && Rows == 0;

    /// <summary>A declared dimension: a number or a symbol. Null if no declaration can express it.</summary>
    public object? Declared => IsConstant ? Constant : this == T ? "T" : this == N ? "N" : null;

    public static Dim operator +(Dim a, Dim b) => new(a.Constant + b.Constant, a.Steps + b.Steps, a.Rows + b.Rows);

    public static Dim operator *(Dim a, int times) => new(a.Constant * times, a.Steps * times, a.Rows * times);
}

/// <summary>A value of a random graph and the generator's facts about it.</summary>
internal sealed record RandomValue(int Id, ElementType Type, Dim[] Shape)
{
    public int Rank => Shape.Length;

    public Dim Last => Shape[^1];

    /// <summary>Whether it is a constant tensor.</summary>
    public bool IsConstant { get; init; }
}

/// <summary>
/// A random graph of small tensors: inputs, states, about twenty nodes of <see cref="RandomParts"/>, and updates and outputs chosen from all
/// values. So views, values read late, swapped states, growing states, and outputs that are inputs or states all occur.
/// </summary>
internal sealed class RandomGraph
{
    /// <summary>The number of rows of the tables that index inputs refer to.</summary>
    public const int TableRows = 5;

    private readonly SeqModelBuilder _model;
    private readonly GraphDefinition _graph;
    private readonly List<(RandomValue Value, string Name)> _states = [];

    /// <param name="seed">Seed of all random choices.</param>
    /// <param name="hasCaches">Whether states may grow, which streams cannot have.</param>
    public RandomGraph(int seed, bool hasCaches)
        : this(new SeqModelBuilder(), "main", new Random(seed))
    {
        Steps = Random.Next(6) == 0 ? Random.Next(20, 70) : Random.Next(1, 13);
        Rows = Random.Next(1, 4);
        AddInputs();
        AddStates();
        var parts = new RandomParts(this);
        for (var count = Random.Next(4, 26); count > 0; count--)
        {
            parts.AddOne();
            if (hasCaches && Random.Next(12) == 0) AddCache();
        }

        parts.AddUpdates(_states.ConvertAll(s => s.Value));
        AddOutputs();
        File = SeqWriter.ToArray(_model);
    }

    /// <summary>An empty graph for other generators.</summary>
    public RandomGraph(SeqModelBuilder model, string name, Random random) => (_model, _graph, Random) = (model, model.AddGraph(name), random);

    public Random Random { get; set; }

    public byte[] File { get; } = [];

    /// <summary>Largest T.</summary>
    public int Steps { get; }

    /// <summary>Largest N.</summary>
    public int Rows { get; }

    public GraphDefinition Graph => _graph;

    /// <summary>All values that a node may read.</summary>
    public List<RandomValue> Values { get; } = [];

    /// <summary>Largest sizes of all symbols except those that count the steps of growing states.</summary>
    public Dictionary<string, int> MaxSizes => _graph.Symbols.Where(symbol => !_graph.Largest.ContainsKey(symbol)).ToDictionary(symbol => symbol, symbol => symbol == "T" ? Steps : Rows);

    public RandomValue Input(ElementType type, params Dim[] shape) =>
        Keep(new RandomValue(_graph.Input($"x{_graph.Inputs.Count}", type, Declared(shape)), type, shape));

    public RandomValue State(params Dim[] shape)
    {
        var initial = -1;
        if (Array.TrueForAll(shape, d => d.IsConstant) && Random.Next(3) == 0)
        {
            int[] sizes = [.. shape.Select(d => d.Constant)];
            initial = _model.AddDense($"first{_states.Count}", ElementType.Float32, sizes, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(Numbers.Random(Random, Numbers.Count(sizes))));
        }

        var name = $"s{_states.Count}";
        var value = Keep(new RandomValue(_graph.State(name, ElementType.Float32, Declared(shape), initial), ElementType.Float32, shape));
        _states.Add((value, name));
        return value;
    }

    /// <summary>A node with one output.</summary>
    public RandomValue Node(OpKind kind, int[] inputs, Dim[] shape, Attributes? attributes = null, ElementType type = ElementType.Float32) =>
        Keep(new RandomValue(_graph.Node(kind, inputs, attributes), type, shape));

    /// <summary>A node with several outputs. Those with a null shape are omitted.</summary>
    public RandomValue?[] NodeMany(OpKind kind, int[] inputs, Dim[]?[] shapes, Attributes? attributes = null, params ElementType[] types)
    {
        var name = $"{kind}_{_graph.Nodes.Count}";
        int[] outputs = [.. shapes.Select((shape, i) => shape is null ? -1 : _graph.AddValue(new ValueDefinition($"{name}:{i}", 0, Shape: null, -1)))];
        _graph.Nodes.Add(new NodeDefinition(name, kind, inputs, outputs, attributes ?? new Attributes()));
        return [.. shapes.Select((shape, i) => shape is null ? null : Keep(new RandomValue(outputs[i], types.Length == 0 ? ElementType.Float32 : types[i], shape)))];
    }

    public int Dense(params int[] shape) =>
        _graph.Constant<float>($"w{_model.Tensors.Count}", shape, Numbers.Random(Random, Numbers.Count(shape)));

    public int Scalar(float value) => _graph.Constant<float>($"w{_model.Tensors.Count}", [], value);

    public int Longs(params long[] values) => _graph.Constant<long>($"w{_model.Tensors.Count}", [values.Length], values);

    public int Long(long value) => _graph.Constant<long>($"w{_model.Tensors.Count}", [], value);

    /// <summary>A matrix in any storage of weights.</summary>
    public int Packed(int rows, int columns, float scale = 0.5f)
    {
        var format = (TensorFormat)Random.Next(1, 5);
        return _graph.Constant(_model.AddPacked($"w{_model.Tensors.Count}", format, rows, columns, Weights.Pack(format, Numbers.Random(Random, rows * columns, scale), rows, columns, out _)));
    }

    /// <summary>One of the values that fit, or null.</summary>
    public RandomValue? Pick(Func<RandomValue, bool> fits)
    {
        RandomValue[] fitting = [.. Values.Where(fits)];
        if (fitting.Length == 0) return null;

        // Half the time one of the newest, so that chains grow; otherwise any, so that old values are read late.
        var from = Random.Next(2) == 0 ? Math.Max(fitting.Length - 4, 0) : 0;
        return fitting[Random.Next(from, fitting.Length)];
    }

    public RandomValue? PickFloat(int leastRank = 0) => Pick(v => v.Type == ElementType.Float32 && v.Rank >= leastRank);

    private static object[] Declared(Dim[] shape) => [.. shape.Select(d => d.Declared!)];

    private RandomValue Keep(RandomValue value)
    {
        Values.Add(value);
        return value;
    }

    private void AddInputs()
    {
        var width = Random.Next(1, 21);
        Input(ElementType.Float32, Dim.T, Dim.N, new Dim(width));
        for (var count = Random.Next(0, 3); count > 0; count--) Input(ElementType.Float32, RandomShape());
        if (Random.Next(2) == 0) Input(ElementType.Int32, Random.Next(2) == 0 ? [Dim.T] : [new Dim(Random.Next(1, 4))]);
        if (Random.Next(4) == 0) Values.Add(new RandomValue(Dense(3, 4), ElementType.Float32, [new Dim(3), new Dim(4)]) { IsConstant = true });
    }

    private void AddStates()
    {
        for (var count = Random.Next(0, 4); count > 0; count--)
        {
            var shape = RandomShape();
            State(shape);
            if (Random.Next(3) == 0) State(shape);
        }
    }

    /// <summary>
    /// A state to which each run appends a value at one end. Its content is reduced to one step, or attended to. Nothing else reads it, because
    /// no shape says how long it is.
    /// </summary>
    private void AddCache()
    {
        if (PickFloat(2) is not { } x) return;
        var axis = Random.Next(x.Rank);
        if (x.Shape.Index().Any(d => d.Index != axis && d.Item.Declared is null)) return;
        var steps = $"P{_graph.Largest.Count}";
        object[] shape = [.. x.Shape.Select((size, i) => i == axis ? steps : size.Declared!)];
        var cache = _graph.State($"cache{_graph.Largest.Count}", ElementType.Float32, shape);
        var all = _graph.Node(OpKind.Concat, Random.Next(3) == 0 ? [x.Id, cache] : [cache, x.Id], new Attributes().Set(AttributeKey.Axis, axis));
        _graph.UpdateState(cache, all);
        _graph.Largest[steps] = Random.Next(1, 60);
        if (Random.Next(2) == 0) _graph.Output($"{steps} after", all);
        if (Random.Next(3) == 0) _graph.Output($"{steps} before", cache);
        Dim[] one = [.. x.Shape.Select((size, i) => i == axis ? Dim.One : size)];
        Node(OpKind.Reduce, [all, Longs(axis)], one, new Attributes().Set(AttributeKey.Function, ReduceFunction.Sum));
        if (x.Rank > 2 || axis != 0 || !x.Last.IsConstant || x.Last.Constant is 0 or >= 300) return;
        var first = Values.Count;
        new RandomLayers(this).Attention(x, new RandomValue(all, ElementType.Float32, x.Shape), Random.Next(1, 20));
        Values.RemoveRange(first, Values.Count - first - 1);
    }

    private Dim[] RandomShape()
    {
        Dim[] sizes = [Dim.T, Dim.N, Dim.One, new Dim(2), new Dim(3), new Dim(16), new Dim(Random.Next(2, 20))];
        if (Values.Count > 0 && Random.Next(3) == 0 && Array.TrueForAll(Values[^1].Shape, d => d.Declared is not null)) return Values[^1].Shape;
        return [.. Enumerable.Range(0, Random.Next(1, 4)).Select(_ => sizes[Random.Next(sizes.Length)])];
    }

    private void AddOutputs()
    {
        var outputs = new HashSet<int>();
        for (var count = Random.Next(1, 6); count > 0; count--)
        {
            var value = Random.Next(3) == 0 ? Values[Random.Next(Values.Count)] : Values[^Random.Next(1, Math.Min(Values.Count, 5) + 1)];
            if (outputs.Add(value.Id) || Random.Next(8) == 0) _graph.Output($"y{outputs.Count}", value.Id);
        }
    }
}
