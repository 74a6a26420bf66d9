using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>
/// Lowers recurrent layers: weights become the runtime's gate-interleaved rows, and biases are added up.
/// </summary>
internal static class RecurrentLowering
{
    public static void Lower(IrNode node, RecurrentOp op, GraphLowering lowering)
    {
        var target = lowering.Target;
        var projection = op.HasProjection ? lowering.Source.ConstantOf(node.Input(8)) : null;
        var hidden = projection?.Shape[1] ?? (lowering.Source.ConstantOf(node.Input(op.HasRecurrence ? 2 : 1))?.Shape[1] ?? 0) / op.Gates;
        var direction = node.String("direction", "forward");
        var directions = direction == "bidirectional" ? 2 : 1;
        var gates = op.Gates;
        var w = Weights(node, lowering.Source, 1, [directions, gates * hidden, -1], "W");
        if (op.HasRecurrence) _ = Weights(node, lowering.Source, 2, [directions, gates * hidden, projection?.Shape[0] ?? hidden], "R");
        var b = Weights(node, lowering.Source, 3, [directions, 2 * gates * hidden], "B");
        var p = op.Vectors > 0 ? Weights(node, lowering.Source, 7, [directions, op.Vectors * hidden], "P") : null;
        var isResetAfter = node.Int("linear_before_reset", 0) != 0;

        var inputs = new List<int> { lowering.Value(node.Input(0)), lowering.Value(node.Input(4)), lowering.Value(node.Input(5)) };
        if (op.HasCell) inputs.Add(lowering.Value(node.Input(6)));
        for (var d = 0; d < directions; d++)
        {
            int Dense(int input, IrTensor tensor, int used) => lowering.Constant(lowering.Weights.Dense(WeightNames.OfDirection(lowering.Source, node.Input(input), d, directions), tensor, padding: tensor.Count - used));
            inputs.Add(w is null ? -1 : lowering.Constant(lowering.Weights.Packed(Matrix(node, lowering.Source, 1, d))));
            inputs.Add(op.HasRecurrence ? lowering.Constant(lowering.Weights.Packed(Matrix(node, lowering.Source, 2, d))) : -1);
            inputs.Add(b is null || (w is null && !op.HasTwoBiases) ? -1 : Dense(3, Bias(b, d, op, hidden, isResetAfter), (op.HasTwoBiases ? 2 : 1) * gates * hidden));
            if (op.Vectors == 0) continue;
            inputs.Add(p is null ? -1 : Dense(7, IrTensor.Of([op.Vectors, hidden], p.Floats.Slice(d * op.Vectors * hidden, op.Vectors * hidden)), op.Vectors * hidden));
            if (op.HasProjection) inputs.Add(projection is null ? -1 : lowering.Constant(lowering.Weights.Packed(WeightMatrix.Of(WeightNames.Of(lowering.Source, node.Input(8)), projection))));
        }

        var attributes = Attributes(node, op, hidden, direction);
        var outputCount = 1 + op.States;
        while (node.Outputs.Count < outputCount) node.Outputs.Add("");
        var outputs = target.NodeMany(op.Kind, [.. inputs], outputCount, attributes, node.Name);
        for (var i = 0; i < outputCount; i++) lowering.Bind(node, i, outputs);
    }

    private static Attributes Attributes(IrNode node, RecurrentOp op, int hidden, string direction)
    {
        var attributes = new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.Direction, direction switch
        {
            "forward" => RecurrentDirection.Forward,
            "reverse" => RecurrentDirection.Reverse,
            "bidirectional" => RecurrentDirection.Bidirectional,
            _ => throw new ConversionException($"node {node}: direction '{direction}' is unknown; it must be forward, reverse or bidirectional."),
        });
        if (node.Float("clip", 0) is > 0 and var clip) attributes.Set(AttributeKey.CellClip, clip);
        if (node.Int("input_forget", 0) != 0) attributes.Set(AttributeKey.InputForget, 1L);
        if (node.Int("linear_before_reset", 0) != 0) attributes.Set(AttributeKey.LinearBeforeReset, 1L);
        foreach (var (name, key) in op.Numbers.Where(n => node.Has(n.Name))) attributes.Set(key, node.Float(name, 0));
        if (node.Strings("activations") is { Length: > 0 } names)
        {
            attributes.Set(AttributeKey.Activations, string.Join(',', names));
            attributes.Set(AttributeKey.ActivationAlpha, Constants(node, "activation_alpha", names, RecurrentForm.TakesAlpha));
            attributes.Set(AttributeKey.ActivationBeta, Constants(node, "activation_beta", names, RecurrentForm.TakesBeta));
        }

        return attributes;
    }

    /// <summary>ONNX lists constants only for functions that take them. The runtime has one for each function, with NaN for the default.</summary>
    private static float[] Constants(IrNode node, string key, string[] names, Func<string, bool> takes)
    {
        var given = node.Floats(key);
        var next = 0;
        return Array.ConvertAll(names, name => takes(name) && next < given.Length ? given[next++] : float.NaN);
    }

    /// <summary>
    /// The input product of a direction, bias included, for each row of <paramref name="x"/> [count, features], which are all inputs of the layer or those from
    /// <paramref name="first"/> on: [count, rows] in packed order.
    /// </summary>
    public static float[] Products(IrNode node, IrGraph graph, IrTensor x, int direction, int first)
    {
        var gates = node.Recurrent!.Gates;
        var b = graph.ConstantOf(node.Input(3));
        var w = Matrix(node, graph, 1, direction);
        int hidden = graph.ConstantOf(node.Input(1))!.Shape[1] / gates, columns = w.Columns, rows = w.Rows, count = x.Shape[0], features = x.Shape[1];
        var matrix = w.Matrices[0];
        var bias = b is null ? new float[rows] : PackedBias(b, direction, node.Recurrent, hidden, node.Int("linear_before_reset", 0) != 0);
        var result = new float[count * rows];
        for (var i = 0; i < count; i++)
        {
            var values = x.Floats.Slice(i * features, features);
            for (var row = 0; row < rows; row++)
            {
                double sum = bias[row];
                for (var k = 0; k < features; k++) sum += (double)matrix[row * columns + first + k] * values[k];
                result[i * rows + row] = (float)sum;
            }
        }

        return result;
    }

    private static IrTensor? Weights(IrNode node, IrGraph graph, int input, int[] shape, string what)
    {
        if (node.Input(input).Length == 0) return null;
        if (graph.ConstantOf(node.Input(input)) is not { Type: ElementType.Float32 } tensor)
            throw new ConversionException($"node {node}: {what} ('{WeightNames.Stem(node.Input(input))}') must be a float32 constant; export the model with its weights inside.");
        if (tensor.Shape.Length != shape.Length || tensor.Shape.Zip(shape).Any(pair => pair.Second >= 0 && pair.First != pair.Second))
            throw new ConversionException($"node {node}: {what} has shape [{string.Join(", ", tensor.Shape)}]; it must be [{string.Join(", ", shape.Select(s => s < 0 ? "input" : $"{s}"))}].");
        return tensor;
    }

    /// <summary>A direction's packed W or R. <paramref name="input"/> is its number among the node's inputs.</summary>
    public static WeightMatrix Matrix(IrNode node, IrGraph graph, int input, int direction)
    {
        var tensor = graph.ConstantOf(node.Input(input))!;
        var gates = node.Recurrent!.Gates;
        var hidden = tensor.Shape[1] / gates;
        if ((long)GateRows.Count(gates, hidden) * tensor.Shape[2] > Array.MaxLength / sizeof(float)) throw new ConversionException($"a recurrent layer of {hidden} hidden units and {tensor.Shape[2]} columns of weights is larger than a file can hold.");
        var names = WeightNames.OfDirection(graph, node.Input(input), direction, tensor.Shape[0]);
        return new WeightMatrix(names, GateRows.Count(gates, hidden), tensor.Shape[2], 1, () => [PackedRows(tensor, direction, gates, hidden)]) { Traits = tensor.Traits($"{gates} gates, direction {direction}"), Shape = tensor.Shape[1..], UsedRows = tensor.Shape[1], PanelRows = GateRows.Panel(gates), IsStepped = WeightNames.AreStepped(graph, names) };
    }

    private static float[] PackedRows(IrTensor tensor, int direction, int gates, int hidden)
    {
        var columns = tensor.Shape[2];
        var packed = new float[GateRows.Count(gates, hidden) * columns];
        var source = tensor.Floats[(direction * gates * hidden * columns)..];
        for (var unit = 0; unit < hidden; unit++)
        {
            for (var gate = 0; gate < gates; gate++)
                source.Slice((gate * hidden + unit) * columns, columns).CopyTo(packed.AsSpan(GateRows.Of(gates, gate, unit, hidden) * columns));
        }

        return packed;
    }

    /// <summary>Wb + Rb for each row. A GRU has two rows of biases, because reset_after puts the bias of the candidate's recurrent product inside the reset.</summary>
    private static IrTensor Bias(IrTensor b, int direction, RecurrentOp op, int hidden, bool isResetAfter)
    {
        var rows = GateRows.Count(op.Gates, hidden);
        return IrTensor.Of(op.HasTwoBiases ? [2, rows] : [rows], PackedBias(b, direction, op, hidden, isResetAfter).AsSpan());
    }

    private static float[] PackedBias(IrTensor b, int direction, RecurrentOp op, int hidden, bool isResetAfter)
    {
        var gates = op.Gates;
        var rows = GateRows.Count(gates, hidden);
        var result = new float[op.HasTwoBiases ? 2 * rows : rows];
        var source = b.Floats[(direction * 2 * gates * hidden)..];
        for (var unit = 0; unit < hidden; unit++)
        {
            for (var gate = 0; gate < gates; gate++)
            {
                var row = GateRows.Of(gates, gate, unit, hidden);
                var wb = source[gate * hidden + unit];
                var rb = source[(gates + gate) * hidden + unit];
                var isApart = op.HasTwoBiases && gate == gates - 1 && isResetAfter;
                result[row] = isApart ? wb : wb + rb;
                if (isApart) result[rows + row] = rb;
            }
        }

        return result;
    }
}
