using System.Runtime.InteropServices;
using SeqRuntime.Converter.Upgrading;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Upgrading;

/// <summary>Graphs that the kept files do not hold, made by hand: constants that are read in several ways or have names of their own, and inputs of layers that nodes compute.</summary>
public class UpgradedGraphTests
{
    private const int Units = 3;
    private readonly List<OlderTensor> _tensors = [];
    private readonly List<StoredValue> _values = [];
    private readonly List<StoredNode> _nodes = [];
    private readonly List<byte> _data = [];

    /// <summary>1.0 and 1.1 stored the name of each value, today's file takes the name of a constant from its tensor.</summary>
    [Fact]
    public void A_constant_that_is_an_output_keeps_its_name()
    {
        var one = Constant(Dense("tensor", [2], 1f, 2f), "own name");
        var same = Constant(0, "tensor");
        using var model = Rebuild([], [one, same]);
        Assert.Equal(["own name", "tensor"], model.Graphs[0].Outputs.Select(o => o.Name));
        using var session = model.CreateSession();
        session.Run();
        Assert.Equal([1f, 2f], session.Output<float>("own name").ToArray());
        Assert.Equal([1f, 2f], session.Output<float>("tensor").ToArray());
    }

    /// <summary>One tensor is the bias of a layer, which loses its padding, and an output, which keeps it.</summary>
    [Fact]
    public void A_tensor_that_is_read_in_two_ways_becomes_two()
    {
        var (x, r) = (Input("x", 1, 1, 16), Constant(Matrix("R", 16, Units)));
        var bias = Constant(Dense("bias", [16], [.. Enumerable.Range(0, 16).Select(i => i / 16f)]));
        var w = Constant(Matrix("W", 16, 16));
        var y = Rnn(x, w, r, bias);
        using var model = Rebuild([x], [y, bias]);
        Assert.Equal([4, 16], model.Loaded.Tensors.Where(t => t.Name.StartsWith("bias", StringComparison.Ordinal)).Select(t => t.Count).Order());
        using var session = model.CreateSession();
        session.Run();
        Assert.Equal([.. Enumerable.Range(0, Units).Select(i => MathF.Tanh(i / 16f))], session.Output<float>(0).ToArray(), (a, b) => MathF.Abs(a - b) < 1e-6f);
        Assert.Equal(16, session.Output<float>("bias").Length);
    }

    [Fact]
    public void A_bias_that_is_computed_is_brought_into_order_by_a_node()
    {
        var (x, r, given) = (Input("x", 1, 1, 16), Constant(Matrix("R", 16, Units)), Input("given", 16));
        var w = Constant(Matrix("W", 16, 16));
        var bias = Computed("negative");
        _nodes.Add(new StoredNode("negative", OpKind.Unary, [given], [bias], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg)));
        var y = Rnn(x, w, r, bias);
        using var model = Rebuild([x, given], [y]);
        using var session = model.CreateSession();
        for (var i = 0; i < 16; i++) session.Input<float>("given")[i] = i;
        session.Run();
        Assert.Equal([0f, MathF.Tanh(-1), MathF.Tanh(-2)], session.Output<float>(0).ToArray(), (a, b) => MathF.Abs(a - b) < 1e-6f);
    }

    [Fact]
    public void Rows_that_the_layer_does_not_have_are_refused()
    {
        var (x, r) = (Input("x", 1, 1, 16), Constant(Matrix("R", 32, Units)));
        var y = Rnn(x, Constant(Matrix("W", 16, 16)), r, -1);
        Assert.Contains("graph 'main', node 'rnn' (Rnn): 'R' has 32 rows; 3 units take 16", Refusal([x], [y]), StringComparison.Ordinal);
    }

    /// <summary>A tensor of no bytes may have any number of rows.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_layer_without_a_matrix_R_is_refused(bool isDense)
    {
        const int most = 1 << 24;
        var x = Input("x", 1, 1, 16);
        var y = Rnn(x, -1, isDense ? Constant(Dense("R", [0, most])) : -1, -1, units: most);
        Assert.Contains("node 'rnn' (Rnn): it has no matrix R", Refusal([x], [y]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_of_too_many_units_is_refused()
    {
        var x = Input("x", 1, 1, 16);
        var y = Rnn(x, -1, Constant(Matrix("R", 16, Units)), -1, units: int.MaxValue);
        Assert.Contains("it has 2147483647 hidden units; expected 1 to 16777216", Refusal([x], [y]), StringComparison.Ordinal);
    }

    /// <summary>In 1.0 and 1.1, the list of tensors tells where each is. A small file could name the same bytes a thousand times.</summary>
    [Fact]
    public void Tensors_that_share_bytes_do_not_make_a_large_file()
    {
        var first = Dense("first", [1 << 18], new float[1 << 18]);
        for (var i = 0; i < 1000; i++) _tensors.Add(_tensors[first]);
        Assert.Contains("the tensors share bytes", Refusal([], [Constant(first)]), StringComparison.Ordinal);
    }

    private int Dense(string name, int[] shape, params float[] values) => Add(name, TensorFormat.Dense, shape, MemoryMarshal.AsBytes<float>(values));

    /// <summary>A matrix of zeros in fp32.</summary>
    private int Matrix(string name, int rows, int columns) => Add(name, TensorFormat.PackedFloat32, [rows, columns], new byte[new TileLayout(Float32Format.Instance, rows, columns).Stride]);

    private int Add(string name, TensorFormat format, int[] shape, ReadOnlySpan<byte> bytes)
    {
        var tiles = format == TensorFormat.Dense ? null : new TileLayout(WeightFormats.Of(format), shape[0], shape[1]);
        _tensors.Add(new OlderTensor(new StoredTensor { Name = name, Format = format, Type = ElementType.Float32, Shape = new Shape(shape), Bytes = bytes.Length }, tiles, _data.Count));
        _data.AddRange(bytes);
        return _tensors.Count - 1;
    }

    private int Value(StoredValue value)
    {
        _values.Add(value);
        return _values.Count - 1;
    }

    private int Constant(int tensor, string? name = null) => Value(new StoredValue(name ?? _tensors[tensor].Stored.Name, ValueKind.Constant, 0, [], tensor));

    private int Input(string name, params int[] shape) => Value(new StoredValue(name, ValueKind.Shaped, ElementType.Float32, shape, -1));

    private int Computed(string name) => Value(new StoredValue(name, ValueKind.Computed, 0, [], -1));

    private int Rnn(int x, int w, int r, int bias, int units = Units)
    {
        var y = Computed("rnn");
        _nodes.Add(new StoredNode("rnn", OpKind.Rnn, [x, -1, -1, w, r, bias], [y], new Attributes().Set(AttributeKey.Hidden, units)));
        return y;
    }

    private OlderModel Model(int[] inputs, int[] outputs) =>
        new("made.seq", "1.1", _data.ToArray(), [], [], [.. _tensors], [new StoredGraph("main", [], [.. _values], inputs, outputs, [], [.. _nodes])]);

    private SeqModel Rebuild(int[] inputs, int[] outputs) => SeqModel.Load(Upgrade.Rebuild(Model(inputs, outputs)).File);

    private string Refusal(int[] inputs, int[] outputs) => Assert.Throws<SeqFormatException>(() => Upgrade.Rebuild(Model(inputs, outputs))).Message;
}
