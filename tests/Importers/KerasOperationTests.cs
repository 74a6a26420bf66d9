using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Operations between layers, as Keras 2 (TFOpLambda, SlicingOpLambda, TensorFlowOpLayer) and Keras 3 write them, compared with plain computations.</summary>
public sealed class KerasOperationTests
{
    private static readonly Grid s_x = Grid.Random(1, 2, 3, 4);
    private static readonly Grid s_y = Grid.Random(2, 2, 3, 4).Map(v => v + 1.5);

    /// <summary>x[…] in the forms of both versions.</summary>
    [Theory]
    [InlineData("[{R}, -1]", "-1")]
    [InlineData("[{R}, {0:2}]", "0:2")]
    [InlineData("[{E}, {1:3}]", "...,1:3")]
    [InlineData("[{E}, null]", "...,new")]
    [InlineData("[{R}, null, 1]", ":,new,1")]
    [InlineData("[{R}, {::-1}]", "::-1")]
    [InlineData("[{R}, {E}, 0]", ":,...,0")]
    [InlineData("{0:1}", "rows")]
    public void A_slice_takes_what_Python_takes(string key, string form)
    {
        Func<int[], double> element = form switch
        {
            "-1" => at => s_x[at[0], 2, at[1]],
            "...,1:3" => at => s_x[at[0], at[1], at[2] + 1],
            "...,new" => at => s_x[at[0], at[1], at[2]],
            ":,new,1" => at => s_x[at[0], 1, at[2]],
            "::-1" => at => s_x[at[0], 2 - at[1], at[2]],
            ":,...,0" => at => s_x[at[0], at[1], 0],
            _ => at => s_x[at],
        };
        int[] shape = form switch { "-1" => [2, 4], "0:2" => [2, 2, 4], "...,1:3" => [2, 3, 2], "...,new" => [2, 3, 4, 1], ":,new,1" => [2, 1, 4], ":,...,0" => [2, 3], "rows" => [1, 3, 4], _ => [2, 3, 4] };
        string Range(string text, bool isThree)
        {
            string[] parts = [.. text.Split(':').Concat(["", ""]).Take(3).Select(p => p.Length == 0 ? "null" : p)];
            var range = $"{{\"start\": {parts[0]}, \"stop\": {parts[1]}, \"step\": {parts[2]}}}";
            return isThree ? $"{{\"class_name\": \"__slice__\", \"config\": {range}}}" : range;
        }

        string Keys(bool isThree)
        {
            var text = key.Replace("{R}", "{:}", StringComparison.Ordinal);
            foreach (var range in (string[])["0:2", "1:3", "::-1", "0:1", ":"]) text = text.Replace($"{{{range}}}", Range(range, isThree), StringComparison.Ordinal);
            return text.Replace("{E}", isThree ? "{\"class_name\": \"__ellipsis__\", \"config\": {}}" : "{\"class_name\": \"__ellipsis__\"}", StringComparison.Ordinal);
        }

        var expected = Grid.Of(shape, element);
        expected.IsOf(Two("SlicingOpLambda", "__operators__.getitem", $"[\"x\", 0, 0, {{\"slice_spec\": {Keys(isThree: false)}}}]"), s_x);
        expected.IsOf(Three("GetItem", "", $"{Tensor("x")}, {Keys(isThree: true)}"), s_x);
    }

    /// <summary>Two values, and a number on either side.</summary>
    [Theory]
    [InlineData("math.add", "Add")]
    [InlineData("__operators__.add", "Add")]
    [InlineData("math.subtract", "Subtract")]
    [InlineData("math.multiply", "Multiply")]
    [InlineData("math.truediv", "TrueDivide")]
    [InlineData("math.divide", "Divide")]
    [InlineData("math.maximum", "Maximum")]
    [InlineData("math.minimum", "Minimum")]
    [InlineData("math.pow", "Power")]
    [InlineData("math.floordiv", "FloorDivide")]
    [InlineData("math.floormod", "Mod")]
    [InlineData("math.squared_difference", "")]
    public void Arithmetic_takes_values_and_numbers_on_either_side(string function, string kind)
    {
        double Of(double a, double b) => function.Split('.')[^1] switch
        {
            "add" => a + b,
            "subtract" => a - b,
            "multiply" => a * b,
            "truediv" or "divide" => a / b,
            "maximum" => Math.Max(a, b),
            "minimum" => Math.Min(a, b),
            "pow" => Math.Pow(a, b),
            "floordiv" => Math.Floor(a / b),
            "floormod" => a - Math.Floor(a / b) * b,
            _ => (a - b) * (a - b),
        };
        var both = new Grid(s_x.Shape, [.. s_y.Values.Zip(s_x.Values, Of)]);
        Grid right = s_y.Map(v => Of(v, 2)), left = s_y.Map(v => Of(2.5, v)), row = Grid.Of(s_x.Shape, at => Of(s_y[at], at[2] + 1));
        both.IsOf(Two("TFOpLambda", function, "[\"y\", 0, 0, {\"y\": [\"x\", 0, 0], \"name\": null}]"), s_x, s_y);
        right.IsOf(Two("TFOpLambda", function, "[\"y\", 0, 0, {\"y\": 2, \"name\": null}]"), s_x, s_y);
        left.IsOf(Two("TFOpLambda", function, "[\"_CONSTANT_VALUE\", -1, 2.5, {\"y\": [\"y\", 0, 0]}]"), s_x, s_y);
        row.IsOf(Two("TFOpLambda", function, "[\"y\", 0, 0, {\"y\": [1, 2, 3, 4]}]"), s_x, s_y);
        if (kind.Length == 0) return;
        both.IsOf(Three(kind, "", $"{Tensor("y")}, {Tensor("x")}"), s_x, s_y);
        right.IsOf(Three(kind, "", $"{Tensor("y")}, 2.0"), s_x, s_y);
        left.IsOf(Three(kind, "", $"2.5, {Tensor("y")}"), s_x, s_y);
        row.IsOf(Three(kind, "", $"{Tensor("y")}, {{\"class_name\": \"__numpy__\", \"config\": {{\"value\": [1, 2, 3, 4], \"dtype\": \"float32\"}}}}"), s_x, s_y);
    }

    [Theory]
    [InlineData("math.abs", "Absolute")]
    [InlineData("math.square", "Square")]
    [InlineData("math.exp", "Exp")]
    [InlineData("math.log", "Log")]
    [InlineData("math.sqrt", "Sqrt")]
    [InlineData("math.rsqrt", "Rsqrt")]
    [InlineData("math.log1p", "Log1p")]
    [InlineData("math.expm1", "Expm1")]
    [InlineData("math.negative", "Negative")]
    [InlineData("math.tanh", "Tanh")]
    [InlineData("math.sigmoid", "Sigmoid")]
    [InlineData("nn.relu", "Relu")]
    [InlineData("nn.relu6", "Relu6")]
    [InlineData("nn.leaky_relu", "LeakyRelu")]
    [InlineData("nn.silu", "Silu")]
    [InlineData("nn.softplus", "Softplus")]
    [InlineData("nn.elu", "Elu")]
    [InlineData("math.sin", "Sin")]
    [InlineData("identity", "StopGradient")]
    public void Functions_of_one_value_have_their_values(string function, string kind)
    {
        double Of(double v) => function.Split('.')[^1] switch
        {
            "abs" => Math.Abs(v),
            "square" => v * v,
            "exp" => Math.Exp(v),
            "log" => Math.Log(v),
            "sqrt" => Math.Sqrt(v),
            "rsqrt" => 1 / Math.Sqrt(v),
            "log1p" => Math.Log(1 + v),
            "expm1" => Math.Exp(v) - 1,
            "negative" => -v,
            "tanh" => Math.Tanh(v),
            "sigmoid" => Numbers.Sigmoid(v),
            "relu" => Math.Max(0, v),
            "relu6" => Math.Clamp(v, 0, 6),
            "leaky_relu" => v < 0 ? 0.2 * v : v,
            "silu" => v * Numbers.Sigmoid(v),
            "softplus" => Math.Log(1 + Math.Exp(v)),
            "elu" => v < 0 ? Math.Exp(v) - 1 : v,
            "sin" => Math.Sin(v),
            _ => v,
        };
        var isOfPositive = function is "math.log" or "math.sqrt" or "math.rsqrt" or "math.log1p";
        var (x, name) = isOfPositive ? (s_y, "y") : (s_x, "x");
        x.Map(Of).IsOf(Two("TFOpLambda", function, $"[\"{name}\", 0, 0, {{\"name\": null}}]"), s_x, s_y);
        x.Map(Of).IsOf(Three(kind, "", Tensor(name)), s_x, s_y);
    }

    [Theory]
    [InlineData("math.reduce_mean", "Mean")]
    [InlineData("math.reduce_sum", "Sum")]
    [InlineData("math.reduce_max", "Max")]
    [InlineData("math.reduce_min", "Min")]
    [InlineData("math.reduce_prod", "Prod")]
    [InlineData("math.reduce_logsumexp", "Logsumexp")]
    [InlineData("math.reduce_std", "Std")]
    [InlineData("math.reduce_variance", "Var")]
    public void A_reduction_takes_one_axis_or_several(string function, string kind)
    {
        double Of(double[] values) => function.Split('_')[^1] switch
        {
            "mean" => values.Average(),
            "sum" => values.Sum(),
            "max" => values.Max(),
            "min" => values.Min(),
            "prod" => values.Aggregate((a, b) => a * b),
            "logsumexp" => Math.Log(values.Sum(Math.Exp)),
            "std" => Math.Sqrt(values.Average(v => Math.Pow(v - values.Average(), 2))),
            _ => values.Average(v => Math.Pow(v - values.Average(), 2)),
        };
        var steps = Grid.Of([2, 4], at => Of([.. Enumerable.Range(0, 3).Select(t => s_x[at[0], t, at[1]])]));
        var kept = Grid.Of([2, 1, 1], at => Of([.. Enumerable.Range(0, 12).Select(i => s_x[at[0], i / 4, i % 4])]));
        steps.IsOf(Two("TFOpLambda", function, "[\"x\", 0, 0, {\"axis\": 1}]"), s_x);
        kept.IsOf(Two("TFOpLambda", function, "[\"x\", 0, 0, {\"axis\": [1, -1], \"keepdims\": true}]"), s_x);
        steps.IsOf(Three(kind, "\"axis\": 1, \"keepdims\": false", Tensor("x")), s_x);
        kept.IsOf(Three(kind, "\"axis\": [1, 2], \"keepdims\": true", Tensor("x")), s_x);
    }

    [Fact]
    public void Values_are_moved_joined_and_split()
    {
        void Is(Grid expected, string function, string node, string kind, string config, string args)
        {
            expected.IsOf(Two("TFOpLambda", function, node), s_x, s_y);
            expected.IsOf(Three(kind, config, args), s_x, s_y);
        }

        string both = $"[{Tensor("x")}, {Tensor("y")}]", x = Tensor("x");
        Is(Grid.Of([2, 3, 8], at => at[2] < 4 ? s_x[at] : s_y[at[0], at[1], at[2] - 4]), "concat", "[[\"x\", 0, 0, {\"axis\": -1}], [\"y\", 0, 0, {\"axis\": -1}]]", "Concatenate", "\"axis\": -1", both);
        Is(Grid.Of([2, 2, 3, 4], at => (at[1] == 0 ? s_x : s_y)[at[0], at[2], at[3]]), "stack", "[[\"x\", 0, 0, {\"axis\": 1}], [\"y\", 0, 0, {\"axis\": 1}]]", "Stack", "\"axis\": 1", both);
        Is(Grid.Of([2, 3, 4, 1], at => s_x[at[0], at[1], at[2]]), "expand_dims", "[\"x\", 0, 0, {\"axis\": -1}]", "ExpandDims", "\"axis\": -1", x);
        Is(Grid.Of([2, 4, 3], at => s_x[at[0], at[2], at[1]]), "transpose", "[\"x\", 0, 0, {\"perm\": [0, 2, 1]}]", "Transpose", "\"axes\": [0, 2, 1]", x);
        Is(Grid.Of([6, 4], at => s_x[at[0] / 3, at[0] % 3, at[1]]), "reshape", "[\"x\", 0, 0, {\"shape\": [-1, 4]}]", "Reshape", "\"newshape\": [-1, 4]", x);
        Is(Grid.Of([2, 6, 4], at => s_x[at[0], at[1] % 3, at[2]]), "tile", "[\"x\", 0, 0, {\"multiples\": [1, 2, 1]}]", "Tile", "\"repeats\": [1, 2, 1]", x);
        Is(Grid.Of([2, 6, 4], at => s_x[at[0], at[1] / 2, at[2]]), "repeat", "[\"x\", 0, 0, {\"repeats\": 2, \"axis\": 1}]", "Repeat", "\"repeats\": 2, \"axis\": 1", x);
        Is(Grid.Of([2, 3, 4], at => s_x[at[0], 2 - at[1], at[2]]), "reverse", "[\"x\", 0, 0, {\"axis\": [1]}]", "Flip", "\"axis\": 1", x);
        Is(Grid.Of([2, 2, 4], at => s_x[at[0], 2 * at[1], at[2]]), "gather", "[\"x\", 0, 0, {\"indices\": [0, 2], \"axis\": 1}]", "Take", "\"axis\": 1", $"{x}, [0, 2]");
        Is(Grid.Of([2, 3, 7], at => s_x.Or(0, at[0], at[1], at[2] - 1)), "pad", "[\"x\", 0, 0, {\"paddings\": [[0, 0], [0, 0], [1, 2]]}]", "Pad", "\"pad_width\": [[0, 0], [0, 0], [1, 2]], \"mode\": \"constant\"", x);
        Is(s_x.Map(v => Math.Clamp(v, -0.5, 0.25)), "clip_by_value", "[\"x\", 0, 0, {\"clip_value_min\": -0.5, \"clip_value_max\": 0.25}]", "Clip", "\"x_min\": -0.5, \"x_max\": 0.25", x);
        Is(Grid.Of([2, 3, 4], at => Enumerable.Range(0, at[1] + 1).Sum(t => s_x[at[0], t, at[2]])), "math.cumsum", "[\"x\", 0, 0, {\"axis\": 1}]", "Cumsum", "\"axis\": 1", x);
        Is(s_x.Map(v => Math.Floor(v * 0) + (v > 0 ? v : 2)), "where", "[\"c\", 0, 0, {\"x\": [\"x\", 0, 0], \"y\": 2.0}]", "Where", "", $"{Tensor("c")}, {x}, 2.0");
        Is(Grid.Of(s_x.Shape, at => Math.Exp(s_x[at]) / Enumerable.Range(0, 3).Sum(t => Math.Exp(s_x[at[0], t, at[2]]))), "nn.softmax", "[\"x\", 0, 0, {\"axis\": 1}]", "Softmax", "\"axis\": 1", x);
        Is(Grid.Of([2, 3, 3], at => Enumerable.Range(0, 4).Sum(i => s_x[at[0], at[1], i] * s_y[at[0], at[2], i])), "linalg.matmul", "[\"x\", 0, 0, {\"b\": [\"y\", 0, 0], \"transpose_b\": true}]", "Einsum", "\"subscripts\": \"abc,adc->abd\"", $"{x}, {Tensor("y")}");
        Is(Grid.Of(s_x.Shape, at => s_x[at] / Math.Sqrt(Enumerable.Range(0, 4).Sum(i => Math.Pow(s_x[at[0], at[1], i], 2)))), "math.l2_normalize", "[\"x\", 0, 0, {\"axis\": -1}]", "Normalize", "\"axis\": -1, \"order\": 2, \"epsilon\": null", x);
    }

    [Fact]
    public void Parts_of_a_split_are_outputs_of_their_own()
    {
        Grid.Of([2, 3, 2], at => s_x[at[0], at[1], at[2] + 2]).IsOf(Two("TFOpLambda", "split", "[\"x\", 0, 0, {\"num_or_size_splits\": 2, \"axis\": -1}]", output: 1), s_x);
        Grid.Of([2, 3, 3], at => s_x[at[0], at[1], at[2] + 1]).IsOf(Two("TFOpLambda", "split", "[\"x\", 0, 0, {\"num_or_size_splits\": [1, 3], \"axis\": 2}]", output: 1), s_x);
        Grid.Of([2, 3, 3], at => s_x[at[0], at[1], at[2] + 1]).IsOf(Three("Split", "\"indices_or_sections\": [1], \"axis\": -1", Tensor("x"), output: 1), s_x);
        Grid.Of([2, 4], at => s_x[at[0], 1, at[1]]).IsOf(Two("TFOpLambda", "unstack", "[\"x\", 0, 0, {\"num\": 3, \"axis\": 1}]", output: 1), s_x);
    }

    [Fact]
    public void A_shape_may_hold_sizes_that_the_graph_computes()
    {
        using var model = new KerasFile(1).Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, null, 4], "dtype": "float32"}, "inbound_nodes": []},
              {"class_name": "TFOpLambda", "name": "shape", "config": {"name": "shape", "function": "compat.v1.shape"}, "inbound_nodes": [["x", 0, 0, {}]]},
              {"class_name": "SlicingOpLambda", "name": "steps", "config": {"name": "steps", "function": "__operators__.getitem"}, "inbound_nodes": [["shape", 0, 0, {"slice_spec": 1}]]},
              {"class_name": "TFOpLambda", "name": "l", "config": {"name": "l", "function": "reshape"}, "inbound_nodes": [["x", 0, 0, {"shape": [-1, ["steps", 0, 0], 2, 2]}]]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]} }
            """);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = 3 } });
        Array.ConvertAll(s_x.Values, v => (float)v).CopyTo(session.Input<float>(0));
        session.Run();
        Grid.Of([2, 3, 2, 2], at => s_x[at[0], at[1], 2 * at[2] + at[3]]).IsIn(session, 0);
    }

    /// <summary>Nodes of TensorFlow graphs, with constants for some of their inputs.</summary>
    [Theory]
    [InlineData("AddV2", "", "\"1\": 2.0", 0)]
    [InlineData("Sub", "", "\"0\": 1.0", 1)]
    [InlineData("Mean", "\"keep_dims\": {\"b\": true}", "\"1\": [1]", 2)]
    [InlineData("StridedSlice", "\"begin_mask\": {\"i\": \"1\"}, \"end_mask\": {\"i\": \"1\"}, \"shrink_axis_mask\": {\"i\": \"2\"}", "\"1\": [0, -1], \"2\": [0, 0], \"3\": [1, 1]", 3)]
    [InlineData("Squeeze", "\"squeeze_dims\": {\"list\": {\"i\": [\"1\"]}}", "", 4)]
    [InlineData("Relu", "", "", 5)]
    [InlineData("Transpose", "", "\"1\": [0, 2, 1]", 6)]
    [InlineData("Einsum", "\"N\": {\"i\": \"2\"}, \"equation\": {\"s\": \"YWJjLGNkLT5hYmQ=\"}", "\"1\": [[1, 0], [0, 2], [3, 0], [0, -1]]", 7)]
    public void Nodes_of_TensorFlow_graphs_are_operations_too(string op, string attributes, string constants, int form)
    {
        var x = form == 4 ? Grid.Random(3, 2, 1, 4) : s_x;
        var expected = form switch
        {
            0 => x.Map(v => v + 2),
            1 => x.Map(v => 1 - v),
            2 => Grid.Of([2, 1, 4], at => Enumerable.Range(0, 3).Average(t => x[at[0], t, at[2]])),
            3 => Grid.Of([2, 4], at => x[at[0], 2, at[1]]),
            4 => Grid.Of([2, 4], at => x[at[0], 0, at[1]]),
            5 => x.Map(v => Math.Max(0, v)),
            7 => Grid.Of([2, 3, 2], at => at[2] == 0 ? x[at[0], at[1], 0] + 3 * x[at[0], at[1], 2] : 2 * x[at[0], at[1], 1] - x[at[0], at[1], 3]),
            _ => Grid.Of([2, 4, 3], at => x[at[0], at[2], at[1]]),
        };
        var node = $"{{\"name\": \"l\", \"op\": \"{op}\", \"input\": [\"x\"], \"attr\": {{\"T\": {{\"type\": \"DT_FLOAT\"}}{(attributes.Length > 0 ? ", " : "")}{attributes}}}}}";
        expected.IsOf(new KerasFile(2).Load($$"""
            {"class_name": "Model", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [{{string.Join(", ", x.Shape)}}], "dtype": "float32"}, "inbound_nodes": []},
              {"class_name": "TensorFlowOpLayer", "name": "l", "config": {"name": "l", "node_def": {{System.Text.Json.JsonSerializer.Serialize(node)}}, "constants": { {{constants}} } }, "inbound_nodes": [[["x", 0, 0, {}]]]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]} }
            """), x);
    }

    [Theory]
    [InlineData("math.add", "[\"x\", 0, 0, {\"y\": \"text\"}]", "neither a value nor a number")]
    [InlineData("math.add", "[\"x\", 0, 0, {\"z\": 3}]", "it is called without 'y'")]
    [InlineData("math.reduce_sum", "[\"x\", 0, 0, {\"axis\": 5}]", "its axis is 5, but the value has 3 dimensions")]
    [InlineData("math.reduce_sum", "[\"x\", 0, 0, {\"axis\": 1, \"novelty\": 3}]", "it is called with 'novelty'")]
    [InlineData("image.resize", "[\"x\", 0, 0, {}]", "these layers are not supported: 'l' (TFOpLambda)")]
    [InlineData("strings.lower", "[\"x\", 0, 0, {}]", "these layers are not supported: 'l' (TFOpLambda)")]
    [InlineData("einsum", "[\"_CONSTANT_VALUE\", -1, \"ab->a\", {}]", "use matmul, Dot or EinsumDense")]
    [InlineData("__operators__.getitem", "[\"x\", 0, 0, {\"slice_spec\": [0, 0, 0, 0]}]", "it takes 4 axes of a value of 3 dimensions")]
    [InlineData("__operators__.getitem", "[\"x\", 0, 0, {\"slice_spec\": [[0, 1]]}]", "numbers and ranges are")]
    [InlineData("reshape", "[\"x\", 0, 0, {\"shape\": [-1, -1]}]", "more than one size")]
    [InlineData("squeeze", "[\"x\", 0, 0, {}]", "name the axis")]
    public void What_an_operation_cannot_take_is_refused(string function, string node, string says)
    {
        var message = Assert.ThrowsAny<ConversionException>(() => Two("TFOpLambda", function, node)).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.Contains("'l' (TFOpLambda)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_operation_that_drops_a_mask_is_told()
    {
        var file = new KerasFile(3);
        var notes = file.Convert("""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [1, 3, 4]}, "inbound_nodes": []},
              {"class_name": "Masking", "name": "m", "config": {"name": "m", "mask_value": 0.0}, "inbound_nodes": [[["x", 0, 0, {}]]]},
              {"class_name": "TFOpLambda", "name": "l", "config": {"name": "l", "function": "math.multiply"}, "inbound_nodes": [["m", 0, 0, {"y": 2.0}]]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]} }
            """).Graphs[0].Notes;
        Assert.Contains(notes, n => n.StartsWith("layer 'l' (TFOpLambda) drops the mask of its input", StringComparison.Ordinal));
    }

    private static string Tensor(string name) => $$"""{"class_name": "__keras_tensor__", "config": {"shape": [2, 3, 4], "dtype": "float32", "keras_history": ["{{name}}", 0, 0]} }""";

    private static string Input(string name, string member) => $$"""{"class_name": "InputLayer", "name": "{{name}}", "config": {"name": "{{name}}", "{{member}}": [2, 3, 4], "dtype": "float32"}, "inbound_nodes": []}""";

    /// <summary>A model of x [2, 3, 4], y, c = x &gt; 0, and one operation l in Keras 2's form.</summary>
    private static SeqModel Two(string kind, string function, string node, int output = 0) => new KerasFile(4).Load($$"""
        {"class_name": "Functional", "config": {"layers": [
          {{Input("x", "batch_input_shape")}}, {{Input("y", "batch_input_shape")}},
          {"class_name": "TFOpLambda", "name": "c", "config": {"name": "c", "function": "math.greater"}, "inbound_nodes": [["x", 0, 0, {"y": 0}]]},
          {"class_name": "{{kind}}", "name": "l", "config": {"name": "l", "trainable": true, "dtype": "float32", "function": "{{function}}"}, "inbound_nodes": [{{node}}]}],
          "input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": [["l", 0, {{output}}]]} }
        """);

    /// <summary>The same in Keras 3's form.</summary>
    private static SeqModel Three(string kind, string config, string arguments, int output = 0) => new KerasFile(5) { Version = "3.6.0" }.Load($$"""
        {"class_name": "Functional", "config": {"layers": [
          {{Input("x", "batch_shape")}}, {{Input("y", "batch_shape")}},
          {"module": "keras.src.ops.numpy", "class_name": "Greater", "name": "c", "config": {"name": "c"}, "inbound_nodes": [{"args": [{{Tensor("x")}}, 0], "kwargs": {} }]},
          {"module": "keras.src.ops.numpy", "class_name": "{{kind}}", "name": "l", "config": {"name": "l"{{(config.Length > 0 ? ", " : "")}}{{config}} }, "registered_name": "{{kind}}", "inbound_nodes": [{"args": [{{arguments}}], "kwargs": {} }]}],
          "input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": [["l", 0, {{output}}]]} }
        """);
}
