namespace SeqRuntime.Converter.Graph;

/// <summary>A graph during conversion: nodes in execution order over named values. An empty name stands for an omitted value.</summary>
internal sealed class IrGraph(string name)
{
    public string Name { get; } = name;

    public List<IrNode> Nodes { get; } = [];

    public Dictionary<string, IrTensor> Constants { get; } = [];

    public List<IrPort> Inputs { get; } = [];

    public List<IrPort> Outputs { get; } = [];

    public List<IrState> States { get; } = [];

    /// <summary>The type and the known sizes of each value, after resolving.</summary>
    public Dictionary<string, IrShape> Shapes { get; } = [];

    /// <summary>For each computed constant, the source names of the constants that it was computed from.</summary>
    public Dictionary<string, string[]> Sources { get; } = [];

    /// <summary>The budget that this graph and its copies share.</summary>
    public Budget Budget { get; set; } = new();

    /// <summary>The branches taken by each <c>If</c>, by its name, in this graph and its copies.</summary>
    public HashSet<(string If, string Branch)> Taken { get; private init; } = [];

    /// <summary>Names of weights that the source stores as whole steps of a row's scale, from -127 to 127. int8 keeps these steps.</summary>
    public HashSet<string> Stepped { get; private init; } = [];

    private int[] _unique = [0];

    /// <summary>A value name that does not exist yet.</summary>
    public string Fresh(string stem) => $"{WeightNames.Stem(stem)}~{++_unique[0]}";

    /// <summary>Makes the new names of an inner graph distinct from those of the outer graph.</summary>
    public void CountNamesWith(IrGraph outer) => _unique = outer._unique;

    /// <summary>Adds a constant and returns its name.</summary>
    public string Constant(string stem, IrTensor tensor)
    {
        var name = Fresh(stem);
        Constants[name] = tensor;
        if (Sources.TryGetValue(stem, out var sources)) Sources[name] = sources;
        return name;
    }

    /// <summary>Sizes of the symbolic dimensions at which the graph was resolved, smallest first. Sessions of these sizes can be made.</summary>
    public IReadOnlyList<Sizes> Probes { get; set; } = [Sizes.None];

    /// <summary>Symbolic dimensions that do not accept every size, and the sizes that fit.</summary>
    public IReadOnlyList<SizeRange> Ranges { get; set; } = [];

    /// <summary>Symbolic dimensions that count the steps of growing states, and the largest count of each.</summary>
    public Dictionary<string, int> Largest { get; private init; } = [];

    /// <summary>Names of the symbolic dimensions of inputs and states.</summary>
    public List<string> Symbols() =>
        [.. Inputs.SelectMany(i => i.Shape).Concat(States.SelectMany(s => s.Shape)).Where(d => d.Symbol is not null).Select(d => d.Symbol!).Distinct()];

    /// <summary>Replaces a symbolic dimension by a fixed size everywhere.</summary>
    public void Fix(string symbol, int size) => Put(symbol, new IrDim(size, null));

    /// <summary>Renames a symbolic dimension to another.</summary>
    public void Rename(string symbol, string other) => Put(symbol, new IrDim(-1, other));

    private void Put(string symbol, IrDim dimension)
    {
        if (Largest.Remove(symbol, out var most) && dimension.Symbol is { } renamed) Largest[renamed] = most;
        IrDim[] Fixed(IrDim[] shape) => Array.ConvertAll(shape, d => d.Symbol == symbol ? dimension : d);
        for (var i = 0; i < Inputs.Count; i++) Inputs[i] = Inputs[i] with { Shape = Fixed(Inputs[i].Shape) };
        for (var i = 0; i < Outputs.Count; i++) Outputs[i] = Outputs[i] with { Shape = Fixed(Outputs[i].Shape) };
        for (var i = 0; i < States.Count; i++) States[i] = States[i] with { Shape = Fixed(States[i].Shape) };
    }

    /// <summary>A copy with new nodes and shared constants. Values in <paramref name="names"/> are renamed, also in inner graphs.</summary>
    public IrGraph Copy(IReadOnlyDictionary<string, string>? names = null)
    {
        string Renamed(string value) => names is not null && names.TryGetValue(value, out var renamed) ? renamed : value;
        var copy = new IrGraph(Name) { _unique = [_unique[0]], Probes = Probes, Ranges = Ranges, Budget = Budget, Largest = new(Largest), Taken = Taken, Stepped = Stepped };
        foreach (var (name, tensor) in Constants) copy.Constants[Renamed(name)] = tensor;
        foreach (var (name, sources) in Sources) copy.Sources[Renamed(name)] = sources;
        foreach (var node in Nodes)
        {
            var clone = node.With(node.Inputs.Select(Renamed), node.Outputs.Select(Renamed));
            foreach (var (key, value) in node.Attributes)
            {
                if (value is IrGraph inner) clone.Attributes[key] = inner.Copy(names);
            }

            copy.Nodes.Add(clone);
        }

        foreach (var port in Inputs) copy.Inputs.Add(port with { Value = Renamed(port.Value) });
        foreach (var port in Outputs) copy.Outputs.Add(port with { Value = Renamed(port.Value) });
        foreach (var state in States) copy.States.Add(state with { Value = Renamed(state.Value), Update = Renamed(state.Update) });
        return copy;
    }

    /// <summary>The number of nodes in this graph and its inner graphs.</summary>
    public int DeepCount() => Nodes.Count + Inner().Sum(inner => inner.DeepCount());

    /// <summary>Bytes of all constants, including those in attributes and inner graphs.</summary>
    public long ConstantBytes() =>
        Constants.Values.Concat(Nodes.SelectMany(n => n.Attributes.Values.OfType<IrTensor>())).Sum(t => (long)t.Data.Length) + Inner().Sum(inner => inner.ConstantBytes());

    /// <summary>Names of the values that this graph defines itself.</summary>
    public IEnumerable<string> Defined() => Constants.Keys.Concat(Inputs.Select(i => i.Value)).Concat(Nodes.SelectMany(n => n.Outputs)).Where(n => n.Length > 0);

    /// <summary>Type and shape of a value or constant.</summary>
    public IrShape ShapeOf(string value) => ConstantOf(value) is { } constant ? new IrShape(constant.Type, constant.Shape) : Shapes[value];

    public IrTensor? ConstantOf(string value) => value.Length > 0 && Constants.TryGetValue(value, out var tensor) ? tensor : null;

    private IEnumerable<IrGraph> Inner() => Nodes.SelectMany(n => n.Attributes.Values.OfType<IrGraph>());

    /// <summary>The node that computes each value.</summary>
    public Dictionary<string, IrNode> Producers()
    {
        var producers = new Dictionary<string, IrNode>();
        foreach (var node in Nodes)
        {
            foreach (var output in node.Outputs)
            {
                if (output.Length > 0) producers[output] = node;
            }
        }

        return producers;
    }

    /// <summary>The nodes that read each value, once for each use. A graph output or state update counts as a null reader.</summary>
    public Dictionary<string, List<IrNode?>> Readers()
    {
        var readers = new Dictionary<string, List<IrNode?>>();
        void Add(string value, IrNode? reader)
        {
            if (value.Length == 0) return;
            if (!readers.TryGetValue(value, out var list)) readers[value] = list = [];
            list.Add(reader);
        }

        foreach (var node in Nodes)
        {
            foreach (var input in node.Inputs) Add(input, node);
        }

        foreach (var output in Outputs) Add(output.Value, null);
        foreach (var state in States) Add(state.Update, null);
        return readers;
    }

    /// <summary>Sorts the nodes so that each value is computed before it is read, and keeps the present order where possible.</summary>
    public void Order()
    {
        var producers = Producers();
        var done = new HashSet<IrNode>();
        var ordered = new List<IrNode>(Nodes.Count);
        var open = new Stack<(IrNode Node, int Next)>();
        foreach (var root in Nodes)
        {
            if (done.Contains(root)) continue;
            open.Push((root, 0));
            while (open.TryPop(out var top))
            {
                var (node, next) = top;
                while (next < node.Inputs.Count && (!producers.TryGetValue(node.Inputs[next], out var made) || made == node || done.Contains(made))) next++;
                if (next < node.Inputs.Count)
                {
                    if (open.Count > Nodes.Count + 1) throw new ConversionException($"Graph '{Name}' computes '{node.Inputs[next]}' from itself; the model is damaged.");
                    open.Push((node, next + 1));
                    open.Push((producers[node.Inputs[next]], 0));
                }
                else if (done.Add(node))
                {
                    ordered.Add(node);
                }
            }
        }

        Nodes.Clear();
        Nodes.AddRange(ordered);
    }

    /// <summary>Makes every reader of <paramref name="from"/> read <paramref name="to"/>.</summary>
    public void Replace(string from, string to)
    {
        foreach (var node in Nodes) node.Replace(from, to);
        ReplacePorts(from, to);
    }

    /// <summary>Replaces <paramref name="from"/> by <paramref name="to"/> in the graph's outputs and states.</summary>
    public void ReplacePorts(string from, string to)
    {
        for (var i = 0; i < Outputs.Count; i++)
        {
            if (Outputs[i].Value == from) Outputs[i] = Outputs[i] with { Value = to };
        }

        for (var i = 0; i < States.Count; i++)
        {
            if (States[i].Update == from) States[i] = States[i] with { Update = to };
        }
    }
}

/// <summary>A node: operator, inputs, outputs and attributes, with the names of the newest supported ONNX opset.</summary>
internal sealed class IrNode(string name, string op, IEnumerable<string> inputs, IEnumerable<string> outputs)
{
    /// <summary>The opset of all nodes in the IR.</summary>
    public const int NewestOpset = 23;

    public string Name { get; } = name;

    public string Op { get; set; } = op;

    /// <summary>The recurrent layer of this operator. Null for other operators.</summary>
    public RecurrentOp? Recurrent => RecurrentOp.Of(Op);

    public List<string> Inputs { get; } = [.. inputs];

    public List<string> Outputs { get; } = [.. outputs];

    /// <summary>long, float, string, long[], float[], string[], <see cref="IrTensor"/> or <see cref="IrGraph"/>.</summary>
    public Dictionary<string, object> Attributes { get; init; } = [];

    /// <summary>The converter's own notes on the node.</summary>
    public IrMarks Marks { get; set; }

    /// <summary>A node with this node's operator, attributes and marks, and other inputs and outputs.</summary>
    public IrNode With(IEnumerable<string> inputs, IEnumerable<string> outputs) => new(Name, Op, inputs, outputs) { Attributes = new(Attributes), Marks = Marks };

    public string Input(int index) => index < Inputs.Count ? Inputs[index] : "";

    public string Output(int index) => index < Outputs.Count ? Outputs[index] : "";

    public long Int(string key, long otherwise) => Get(key, otherwise);

    /// <summary>An integer that the format stores in 64 bits, such as an axis or a count, as 32 bits.</summary>
    public int Int32(string key, int otherwise) =>
        Get<long>(key, otherwise) is >= int.MinValue and <= int.MaxValue and var value ? (int)value : throw new ShapeFault($"its attribute '{key}' of {Int(key, 0)} is out of range.");

    public float Float(string key, float otherwise) => Get(key, otherwise);

    public string String(string key, string otherwise) => Get(key, otherwise);

    public long[] Ints(string key) => Get<long[]>(key, []);

    public float[] Floats(string key) => Get<float[]>(key, []);

    public string[] Strings(string key) => Get<string[]>(key, []);

    public bool Has(string key) => Attributes.ContainsKey(key);

    public void SetInput(int index, string value)
    {
        while (Inputs.Count <= index) Inputs.Add("");
        Inputs[index] = value;
    }

    public void Replace(string from, string to)
    {
        for (var i = 0; i < Inputs.Count; i++)
        {
            if (Inputs[i] == from) Inputs[i] = to;
        }
    }

    /// <summary>Removes an attribute and returns it. Null if it is missing.</summary>
    public object? Take(string key) => Attributes.Remove(key, out var value) ? value : null;

    public override string ToString() => $"{Name} ({Op})";

    private T Get<T>(string key, T otherwise)
    {
        if (!Attributes.TryGetValue(key, out var value)) return otherwise;
        return value is T typed ? typed : throw new ConversionException($"Node '{Name}' ({Op}): attribute '{key}' is a {value.GetType().Name}, not a {typeof(T).Name}.");
    }
}

/// <summary>A graph input or output: its name for the user, and its value in the graph.</summary>
internal sealed record IrPort(string Name, string Value, ElementType Type, IrDim[] Shape);

/// <summary>A state. A run reads <paramref name="Value"/> and at its end copies <paramref name="Update"/> to it; <paramref name="Output"/> is the source's output. The first run reads <paramref name="Initial"/>, or zeros if that is null.</summary>
internal sealed record IrState(string Name, string Value, string Update, string Output, ElementType Type, IrDim[] Shape, IrTensor? Initial = null, bool IsDescribed = false);

/// <summary>A dimension: a size, or a symbol.</summary>
internal readonly record struct IrDim(int Size, string? Symbol)
{
    public override string ToString() => Symbol ?? $"{Size}";
}

/// <summary>A value's type, rank, and sizes. A size that depends on symbols is -1.</summary>
internal sealed record IrShape(ElementType Type, int[] Sizes)
{
    public int Rank => Sizes.Length;

    public bool IsStatic => Array.TrueForAll(Sizes, size => size >= 0);

    public override string ToString() => $"[{string.Join(", ", Sizes.Select(s => s < 0 ? "?" : $"{s}"))}]";
}
