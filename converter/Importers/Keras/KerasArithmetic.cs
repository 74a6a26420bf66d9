using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Operations element by element, with numbers of the file on either side, and matrix products.</summary>
internal sealed class KerasArithmetic(KerasEmitter emitter)
{
    private static readonly string[] s_x = ["x", "x1", "features", "input", "logits", "a", "value", "tensor", "t", "images"];
    private static readonly string[] s_y = ["y", "x2", "b", "a"];

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The operations by their names.</summary>
    public IEnumerable<(string Names, KerasOperate Emit)> Operations =>
    [
        ("add", Binary((x, y) => Graph.Op("Add", [x, y]))),
        ("subtract|sub", Binary((x, y) => Graph.Op("Sub", [x, y]))),
        ("multiply|mul", Binary((x, y) => Graph.Op("Mul", [x, y]))),
        ("maximum|fmax", Binary((x, y) => Graph.Op("Max", [x, y]))),
        ("minimum|fmin", Binary((x, y) => Graph.Op("Min", [x, y]))),
        ("divide|true_divide|truediv", Binary(Quotient)),
        ("divide_no_nan", Binary((x, y) => Graph.Op("Where", [Graph.Op("Equal", [y, Graph.Op("CastLike", [Graph.Number(0), y])]), Graph.Op("CastLike", [Graph.Number(0), x]), Graph.Op("Div", [x, y])]))),
        ("floor_divide|floordiv", Binary(Floors)),
        ("mod|floormod", Binary((x, y) => Graph.Op("Sub", [x, Graph.Op("Mul", [Floors(x, y), y])]))),
        ("pow|power", Binary((x, y) => Graph.Op("Pow", [x, y]))),
        ("squared_difference", Binary((x, y) => Graph.Op("Sub", [x, y]) is var d ? Graph.Op("Mul", [d, d]) : "")),
        ("equal|eq", Binary((x, y) => Graph.Op("Equal", [x, y]))),
        ("not_equal|ne", Binary((x, y) => Graph.Op("Not", [Graph.Op("Equal", [x, y])]))),
        ("less", Binary((x, y) => Graph.Op("Less", [x, y]))),
        ("less_equal", Binary((x, y) => Graph.Op("LessOrEqual", [x, y]))),
        ("greater", Binary((x, y) => Graph.Op("Greater", [x, y]))),
        ("greater_equal", Binary((x, y) => Graph.Op("GreaterOrEqual", [x, y]))),
        ("logical_and", Binary((x, y) => Graph.Op("And", [x, y]))),
        ("logical_or", Binary((x, y) => Graph.Op("Or", [x, y]))),
        ("logical_xor", Binary((x, y) => Graph.Op("Xor", [x, y]))),
        .. Unary(("negative|neg", "Neg"), ("absolute|abs|fabs", "Abs"), ("sqrt", "Sqrt"), ("exp", "Exp"), ("log", "Log"), ("sin", "Sin"), ("cos", "Cos"), ("tan", "Tan"), ("sinh", "Sinh"), ("cosh", "Cosh"),
            ("arcsin|asin", "Asin"), ("arccos|acos", "Acos"), ("arctan|atan", "Atan"), ("arcsinh|asinh", "Asinh"), ("arccosh|acosh", "Acosh"), ("arctanh|atanh", "Atanh"), ("floor", "Floor"), ("ceil", "Ceil"),
            ("sign", "Sign"), ("reciprocal", "Reciprocal"), ("erf", "Erf"), ("logical_not", "Not")),
        ("square", Each(x => Graph.Op("Mul", [x, x]))),
        ("rsqrt", Each(x => Graph.Op("Reciprocal", [Graph.Op("Sqrt", [x])]))),
        ("log1p", Each(x => Graph.Op("Log", [Graph.Op("Add", [x, Graph.Scalar(1)])]))),
        ("expm1", Each(x => Graph.Op("Sub", [Graph.Op("Exp", [x]), Graph.Scalar(1)]))),
        ("round", call => [First(call) is var x && call.Long(1, 0, "decimals") == 0 ? x with { Name = Graph.Op("Round", [x.Name]), Mask = null } : throw call.Layer.Fault("rounding to decimals is not supported")]),
        ("identity|stop_gradient|copy|convert_to_tensor", Each(x => x)),
        .. Named("tanh", "sigmoid", "relu6", "selu", "softplus", "softsign", "mish", "hard_sigmoid", "log_sigmoid", "tanh_shrink", "sparse_plus", "sparse_sigmoid", "hard_tanh", "exponential", "linear"),
        ("silu|swish", call => call.Float(1, 1, "beta") is 1 ? Function(call, "silu") : throw call.Layer.Fault("its 'beta' is not 1, which is not supported")),
        ("hard_silu|hard_swish", call => Function(call, "hard_silu")),
        ("relu", Relu),
        ("elu", call => [Node(call, "Elu", ("alpha", call.Float(1, 1, "alpha")))]),
        ("celu", call => [Node(call, "Celu", ("alpha", call.Float(1, 1, "alpha")))]),
        ("leaky_relu", call => [Node(call, "LeakyRelu", ("alpha", call.Float(1, 0.2f, "alpha", "negative_slope")))]),
        ("gelu", call => [Node(call, "Gelu", ("approximate", call.Flag(1, !KerasOperations.IsOfTensorFlow(call.Layer), "approximate") ? "tanh" : "none"))]),
        ("glu", call => [Emitted(call, x => emitter.Functions.Glu(x, call.Long(1, -1, "axis")))]),
        ("squareplus", call => [Emitted(call, x => emitter.Functions.Squareplus(x, call.Float(1, 4, "b")))]),
        ("soft_shrink", call => [Emitted(call, x => call.Float(1, 0.5f, "threshold") is var t ? Graph.Op("Shrink", [x], ("lambd", t), ("bias", t)) : x)]),
        ("hard_shrink", call => [Emitted(call, x => Graph.Op("Shrink", [x], ("lambd", call.Float(1, 0.5f, "threshold")), ("bias", 0f)))]),
        ("threshold", call => [Emitted(call, x => Graph.Op("Where", [Graph.Op("Greater", [x, Graph.Scalar(call.Float(1, 0, "threshold"))]), x, Graph.Scalar(call.Float(2, 0, "default_value"))]))]),
        ("softmax", call => [Along(call, "Softmax")]),
        ("log_softmax", call => [Along(call, "LogSoftmax")]),
        ("clip_by_value|clip", call => [Limited(call)]),
        ("where|where_v2", Where),
        ("matmul", Product),
        ("dot", call => First(call) is var x && call.Value(1, "x2", "y", "b") is { Rank: <= 2 } y ? [Multiplied(x, y)] : throw call.Layer.Fault("a dot product with a value of more than two dimensions is not supported; use matmul or einsum")),
        ("einsum", Einsum),
    ];

    /// <summary>A value, or a constant of the file in the type of the value that it meets.</summary>
    public (string Name, int Rank) Operand(KerasLayer layer, KerasArgument argument, string? like)
    {
        if (argument.Value is { } value) return (value.Name, value.Rank);
        if (argument.Items is [var only]) return Operand(layer, only, like);
        if (argument.Items is not null || !KerasConstants.IsConstant(argument.Content)) throw layer.Fault($"it is called with {Json.Shown(argument.Content)}, which is neither a value nor a number");
        var tensor = KerasConstants.Typed(layer, "an argument", argument.Content);
        if (tensor is { Type: ElementType.Float32, Shape.Length: 0 }) return (Graph.Scalar(tensor.Floats[0]), 0);
        var constant = Graph.Constant(layer.Name, tensor);
        return (tensor.Type == ElementType.Float32 || like is null ? constant : Graph.Op("CastLike", [constant, like]), tensor.Shape.Length);
    }

    private KerasOperate Binary(Func<string, string, string> emit) => call =>
    {
        KerasArgument left = call.Need(0, s_x), right = call.Need(1, s_y);
        var (x, xRank) = Operand(call.Layer, left, Like(right));
        var (y, yRank) = Operand(call.Layer, right, Like(left));
        return [new KerasValue(emit(x, y), Math.Max(xRank, yRank))];
    };

    private static string? Like(KerasArgument other) => other.Value?.Name ?? (other.Items is [{ Value: { } only }] ? only.Name : null);

    /// <summary>The quotient of whole numbers is a float, too.</summary>
    private string Quotient(string x, string y) => Graph.Op("Div", [emitter.ToFloat(x), emitter.ToFloat(y)]);

    private string Floors(string x, string y) => Graph.Op("CastLike", [Graph.Op("Floor", [Quotient(x, y)]), x]);

    private IEnumerable<(string, KerasOperate)> Unary(params (string Names, string Op)[] rows) => rows.Select(row => (row.Names, Each(x => Graph.Op(row.Op, [x]))));

    private IEnumerable<(string, KerasOperate)> Named(params string[] functions) => functions.Select(f => (f, (KerasOperate)(call => Function(call, f))));

    private KerasValue[] Function(KerasArguments call, string function) => [Emitted(call, x => emitter.Functions.Apply(function, x)!)];

    private static KerasOperate Each(Func<string, string> emit) => call => [Emitted(call, emit)];

    private static KerasValue First(KerasArguments call) => call.Value(0, s_x);

    private static KerasValue Emitted(KerasArguments call, Func<string, string> emit) => First(call) is var x ? new KerasValue(emit(x.Name), x.Rank) : default;

    private KerasValue Node(KerasArguments call, string op, params (string, object)[] attributes) => Emitted(call, x => Graph.Op(op, [x], attributes));

    private KerasValue Along(KerasArguments call, string op)
    {
        var x = First(call);
        var axis = call.Axis(call.Long(1, -1, "axis"), x.Rank);
        return new KerasValue(Graph.Op(op, [x.Name], ("axis", (long)axis)), x.Rank);
    }

    /// <summary>Keras' backend has a slope, a limit and a threshold; TensorFlow's function has none of them.</summary>
    private KerasValue[] Relu(KerasArguments call)
    {
        var (slope, threshold) = (call.Float(1, 0, "alpha", "negative_slope"), call.Float(3, 0, "threshold"));
        if (threshold != 0) throw call.Layer.Fault("a threshold is not supported");
        var most = call.Find(2, "max_value") is null ? (float?)null : call.Float(2, 0, "max_value");
        if (slope != 0 && most is not null) throw call.Layer.Fault("a slope and a limit together are not supported");
        return [Emitted(call, x => slope != 0 ? Graph.Op("LeakyRelu", [x], ("alpha", slope)) : most is { } limit ? emitter.Functions.Clip(x, 0, limit) : Graph.Op("Relu", [x]))];
    }

    private KerasValue Limited(KerasArguments call)
    {
        var x = First(call);
        var least = Operand(call.Layer, call.Need(1, "clip_value_min", "x_min", "min_value"), x.Name).Name;
        var most = Operand(call.Layer, call.Need(2, "clip_value_max", "x_max", "max_value"), x.Name).Name;
        return new KerasValue(Graph.Op("Min", [Graph.Op("Max", [x.Name, least]), most]), x.Rank);
    }

    private KerasValue[] Where(KerasArguments call)
    {
        var condition = call.Value(0, "condition");
        if (call.Find(1, "x", "x1") is not { } first || call.Find(2, "y", "x2") is not { } second) throw call.Layer.Fault("where with a condition alone is not supported: the size of its output depends on data");
        var (x, xRank) = Operand(call.Layer, first, Like(second));
        var (y, yRank) = Operand(call.Layer, second, Like(first));
        return [new KerasValue(Graph.Op("Where", [condition.Name, x, y]), Math.Max(condition.Rank, Math.Max(xRank, yRank)))];
    }

    private KerasValue[] Product(KerasArguments call)
    {
        KerasValue Turned(KerasValue value, bool isTurned)
        {
            if (!isTurned) return value;
            if (value.Rank < 2) throw call.Layer.Fault("it transposes a value of less than two dimensions");
            var order = KerasSpatial.Axes(0, value.Rank);
            (order[^1], order[^2]) = (order[^2], order[^1]);
            return value with { Name = Graph.Transpose(value.Name, order) };
        }

        KerasArgument left = call.Need(0, "a", "x", "x1"), right = call.Need(1, "b", "y", "x2");
        KerasValue Factor(KerasArgument given, KerasArgument other) => Operand(call.Layer, given, Like(other)) is var (name, rank) ? new KerasValue(name, rank) : default;
        return [Multiplied(Turned(Factor(left, right), call.Flag(2, false, "transpose_a", "adjoint_a")), Turned(Factor(right, left), call.Flag(3, false, "transpose_b", "adjoint_b")))];
    }

    private KerasValue Multiplied(KerasValue a, KerasValue b) => new(Graph.Op("MatMul", [a.Name, b.Name]), Math.Max(a.Rank, b.Rank) - (a.Rank == 1 ? 1 : 0) - (b.Rank == 1 ? 1 : 0));

    /// <summary>Keras 3 has the equation in the config; TensorFlow has it before the operands.</summary>
    private KerasValue[] Einsum(KerasArguments call)
    {
        if (call.Layer.Class == "TFOpLambda") throw call.Layer.Fault("Keras 2 does not write the operands of tf.einsum into the file, so that Keras itself cannot load it; use matmul, Dot or EinsumDense and save the model again, or export it as ONNX (tf2onnx) in the program that made it");
        var equation = call.Text(-1, "subscripts") ?? throw call.Layer.Fault("it has no equation");
        List<KerasArgument> operands = [.. Enumerable.Range(0, call.Count).Select(i => call.Need(i, "operands"))];
        var like = operands.Select(Like).FirstOrDefault(name => name is not null);
        return [Einsum(emitter, call.Layer, equation, [.. operands.Select(o => Operand(call.Layer, o, like))])];
    }

    /// <summary>An Einsum, whose output's rank follows from the equation.</summary>
    public static KerasValue Einsum(KerasEmitter emitter, KerasLayer layer, string equation, (string Name, int Rank)[] operands)
    {
        var plain = equation.Replace(" ", "", StringComparison.Ordinal);
        var sides = plain.Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length != 2 || terms.Length != operands.Length) throw layer.Fault($"the equation '{equation}' must have {operands.Length} operands and an output");
        static int Letters(string term) => term.Count(char.IsAsciiLetter);
        static bool HasDots(string term) => term.Contains("...", StringComparison.Ordinal);
        var rest = 0;
        foreach (var (term, operand) in terms.Zip(operands))
        {
            if (Letters(term) + (HasDots(term) ? 3 : 0) != term.Length || (HasDots(term) ? Letters(term) > operand.Rank : Letters(term) != operand.Rank)) throw layer.Fault($"the equation '{equation}' does not fit an operand of {operand.Rank} dimensions");
            if (HasDots(term)) rest = Math.Max(rest, operand.Rank - Letters(term));
        }

        return new KerasValue(emitter.Graph.Op("Einsum", [.. operands.Select(o => o.Name)], ("equation", plain)), Letters(sides[1]) + (HasDots(sides[1]) ? rest : 0));
    }
}
