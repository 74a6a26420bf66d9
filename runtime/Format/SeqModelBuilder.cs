namespace SeqRuntime.Format;

/// <summary>
/// A model built by the converter or by a test. The writer makes a <c>.seq</c> file of it.
/// Plain data: every part has a counterpart in the file.
/// </summary>
internal sealed class SeqModelBuilder
{
    /// <summary>Free metadata: source, source hash, converter version, quantization report …</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Token and label tables by name.</summary>
    public Dictionary<string, string[]> Tables { get; } = [];

    /// <summary>Constants, shared by all graphs.</summary>
    public List<TensorDefinition> Tensors { get; } = [];

    public List<GraphDefinition> Graphs { get; } = [];

    /// <summary>Recorded runs, by graph.</summary>
    public List<GoldenGraph> Golden { get; } = [];

    public GraphDefinition AddGraph(string name)
    {
        var graph = new GraphDefinition(this, name);
        Graphs.Add(graph);
        return graph;
    }

    /// <summary>Adds a dense constant and returns its index.</summary>
    public int AddDense(string name, ElementType type, int[] shape, ReadOnlySpan<byte> data)
    {
        Tensors.Add(new TensorDefinition(name, TensorFormat.Dense, type, shape, 1, data.ToArray()));
        return Tensors.Count - 1;
    }

    /// <summary>Adds a dense constant whose data nobody changes, and returns its index.</summary>
    public int AddDense(string name, ElementType type, int[] shape, ReadOnlyMemory<byte> data)
    {
        Tensors.Add(new TensorDefinition(name, TensorFormat.Dense, type, shape, 1, new TensorBytes(data.Length, () => [data])));
        return Tensors.Count - 1;
    }

    /// <summary>Adds matrices of <paramref name="rows"/> × <paramref name="columns"/>, each packed by <see cref="WeightLayout"/>.</summary>
    public int AddPacked(string name, TensorFormat format, int rows, int columns, params byte[][] matrices) => AddPacked(name, new WeightLayout(format, rows, columns), matrices);

    /// <summary>Adds packed matrices of one layout.</summary>
    public int AddPacked(string name, WeightLayout layout, params byte[][] matrices)
    {
        return AddPacked(name, layout, matrices.Length, i => matrices[i]);
    }

    /// <summary>Adds matrices that are packed when the file is written.</summary>
    public int AddPacked(string name, WeightLayout layout, int count, Func<int, byte[]> pack)
    {
        var stride = checked((int)layout.Stride);
        var data = new TensorBytes(checked(stride * count), Parts);
        Tensors.Add(new TensorDefinition(name, layout.Format.Number, ElementType.Float32, [layout.Rows, layout.Columns], count, data, layout.PanelRows));
        return Tensors.Count - 1;

        IEnumerable<ReadOnlyMemory<byte>> Parts()
        {
            for (var i = 0; i < count; i++)
            {
                var packed = pack(i);
                yield return packed;
                yield return new byte[stride - packed.Length];
            }
        }
    }
}

/// <summary>A constant. If packed, <paramref name="Shape"/> is [rows, columns] of each of <paramref name="Count"/> matrices, in panels of <paramref name="PanelRows"/> rows.</summary>
internal sealed record TensorDefinition(string Name, TensorFormat Format, ElementType Type, int[] Shape, int Count, TensorBytes Data, int PanelRows = WeightLayout.WidestPanel);

/// <summary>One named graph: a flat list of nodes over values, in execution order.</summary>
internal sealed class GraphDefinition(SeqModelBuilder model, string name)
{
    public string Name { get; } = name;

    public List<ValueDefinition> Values { get; } = [];

    public List<NodeDefinition> Nodes { get; } = [];

    /// <summary>Names of the symbolic dimensions. A dimension of -1-i in a shape is symbol i.</summary>
    public List<string> Symbols { get; } = [];

    /// <summary>Symbolic dimensions that count the steps of growing states, and the largest count of each.</summary>
    public Dictionary<string, int> Largest { get; } = [];

    /// <summary>Values that the caller sets.</summary>
    public List<int> Inputs { get; } = [];

    /// <summary>Values that the caller reads.</summary>
    public List<int> Outputs { get; } = [];

    public List<StateDefinition> States { get; } = [];

    /// <summary>Adds an input. Sizes are numbers, or names of symbolic dimensions.</summary>
    public int Input(string name, ElementType type, params object[] dimensions)
    {
        var value = AddValue(new ValueDefinition(name, type, Dimensions(dimensions), -1));
        Inputs.Add(value);
        return value;
    }

    /// <summary>Adds a constant from the model's tensors as a value.</summary>
    public int Constant(int tensor) => AddValue(new ValueDefinition(model.Tensors[tensor].Name, model.Tensors[tensor].Type, model.Tensors[tensor].Shape, tensor));

    /// <summary>Adds a dense constant and returns it as a value.</summary>
    public int Constant<T>(string name, int[] shape, params ReadOnlySpan<T> data)
        where T : unmanaged =>
        Constant(model.AddDense(name, ElementTypes.Of<T>(), shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes(data)));

    /// <summary>Adds a state, which the session keeps between runs. Returns the value with its content at the start of a run.</summary>
    /// <param name="name">Name.</param>
    /// <param name="type">Element type.</param>
    /// <param name="shape">Shape. It may have symbolic dimensions.</param>
    /// <param name="initial">Dense tensor with the initial content, or -1 for zeros.</param>
    public int State(string name, ElementType type, object[] shape, int initial = -1)
    {
        var value = AddValue(new ValueDefinition(name, type, Dimensions(shape), -1));
        States.Add(new StateDefinition(name, value, -1, initial));
        return value;
    }

    /// <summary>Names the value that becomes the state's content when a run ends.</summary>
    public void UpdateState(int stateValue, int newValue)
    {
        var index = States.FindIndex(s => s.Value == stateValue);
        States[index] = States[index] with { Update = newValue };
    }

    /// <summary>Adds a node with one output and returns that output.</summary>
    public int Node(OpKind kind, int[] inputs, Attributes? attributes = null, string? name = null) => NodeMany(kind, inputs, 1, attributes, name)[0];

    /// <summary>Adds a node with several outputs and returns them. An omitted input is -1.</summary>
    public int[] NodeMany(OpKind kind, int[] inputs, int outputCount, Attributes? attributes = null, string? name = null)
    {
        name ??= $"{kind}_{Nodes.Count}";
        var outputs = new int[outputCount];
        for (var i = 0; i < outputCount; i++) outputs[i] = AddValue(new ValueDefinition(outputCount == 1 ? name : $"{name}:{i}", 0, null, -1));
        Nodes.Add(new NodeDefinition(name, kind, inputs, outputs, attributes ?? new Attributes()));
        return outputs;
    }

    /// <summary>Declares a value as a named output for the caller.</summary>
    public void Output(string name, int value)
    {
        Values[value] = Values[value] with { Name = name };
        Outputs.Add(value);
    }

    public int AddValue(ValueDefinition value)
    {
        Values.Add(value);
        return Values.Count - 1;
    }

    private int[] Dimensions(object[] dimensions) => Array.ConvertAll(dimensions, d => d switch
    {
        int size => size,
        string symbol => -1 - Symbol(symbol),
        _ => throw new ArgumentException("A dimension must be an int or a symbol's name."),
    });

    private int Symbol(string name)
    {
        var index = Symbols.IndexOf(name);
        if (index >= 0) return index;
        Symbols.Add(name);
        return Symbols.Count - 1;
    }
}

/// <summary>A value: an input or state (shape given), a constant (tensor ≥ 0), or a node's output (shape null: inferred).</summary>
internal sealed record ValueDefinition(string Name, ElementType Type, int[]? Shape, int Tensor);

internal sealed record NodeDefinition(string Name, OpKind Kind, int[] Inputs, int[] Outputs, Attributes Attributes);

internal sealed record StateDefinition(string Name, int Value, int Update, int InitialTensor);
