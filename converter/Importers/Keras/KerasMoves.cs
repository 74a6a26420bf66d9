using System.Text.Json;
using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Operations that move, join, split, look up or convert elements.</summary>
internal sealed class KerasMoves(KerasEmitter emitter)
{
    private const int MostParts = 1024;
    private static readonly string[] s_x = ["tensor", "x", "input", "a", "value", "input_", "values"];

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The operations by their names.</summary>
    public IEnumerable<(string Names, KerasOperate Emit)> Operations =>
    [
        ("getitem|get_item", call => KerasSlices.GetItem(emitter, call)),
        ("reshape", Reshape),
        ("transpose|permute_dimensions", Transpose),
        ("swapaxes", Swap),
        ("expand_dims", Expand),
        ("squeeze", Squeeze),
        ("concat|concatenate", call => [Concat(call, 0)]),
        ("concatenate_last", call => [Concat(call, -1)]),
        ("stack|pack", Stack),
        ("unstack|unpack", Unstack),
        ("split", Split),
        ("tile", Tile),
        ("repeat|repeat_elements", Repeat),
        ("reverse|flip", Reverse),
        ("pad", Pad),
        ("gather|take", Gather),
        ("cast", Cast),
        ("shape", call => [new KerasValue(Graph.Op("Shape", [call.Value(0, s_x).Name]), 1)]),
        ("zeros_like", call => [Like(call, 0)]),
        ("ones_like", call => [Like(call, 1)]),
        ("one_hot", OneHot),
    ];

    private KerasValue[] Reshape(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var given = call.Need(1, "shape", "newshape");
        if (given.Value is { } computed) throw call.Layer.Fault($"its shape is computed as a whole ('{computed.Name}'), which is not supported; a list of numbers and sizes is");
        if (given.Items is { } parts)
        {
            string[] sizes = [.. parts.Select(part => part.Value is { Rank: 0 } size ? Graph.Unsqueeze(Graph.Op("Cast", [size.Name], ("to", 7L)), 0) : part.Value is null && part.Items is null ? Graph.Axes(Size(call, Json.Int(part.Content, $"a size of layer '{call.Layer.Name}'"))) : throw call.Layer.Fault("its shape holds more than numbers"))];
            return [new KerasValue(Graph.Op("Reshape", [x.Name, Graph.Op("Concat", sizes, ("axis", 0L))]), sizes.Length)];
        }

        long[] shape = [.. call.Longs(1, "shape", "newshape")!.Select(s => Size(call, s))];
        if (shape.Count(s => s == -1) > 1) throw call.Layer.Fault("more than one size of its shape is -1");
        return [new KerasValue(Graph.Op("Reshape", [x.Name, Graph.Axes(shape)]), shape.Length)];
    }

    private static long Size(KerasArguments call, long size) => size is -1 or > 0 ? size : throw call.Layer.Fault($"its shape has a size of {size}; sizes must be at least 1, and one of them may be -1");

    private KerasValue[] Transpose(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        if (call.Flag(-1, false, "conjugate")) throw call.Layer.Fault("complex numbers are not supported");
        long[] order = call.Longs(1, "perm", "axes", "pattern") is { } given ? [.. given.Select(a => (long)call.Axis(a, x.Rank))] : [.. KerasSpatial.Axes(0, x.Rank).Reverse()];
        if (!order.Order().SequenceEqual(KerasSpatial.Axes(0, x.Rank))) throw call.Layer.Fault($"its order of axes {string.Join(", ", order)} does not have each of {x.Rank} axes once");
        return [new KerasValue(Graph.Transpose(x.Name, order), x.Rank)];
    }

    private KerasValue[] Swap(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var order = KerasSpatial.Axes(0, x.Rank);
        int a = call.Axis(call.Long(1, 0, "axis1"), x.Rank), b = call.Axis(call.Long(2, 0, "axis2"), x.Rank);
        (order[a], order[b]) = (order[b], order[a]);
        return [new KerasValue(Graph.Transpose(x.Name, order), x.Rank)];
    }

    private KerasValue[] Expand(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var axes = call.Longs(1, "axis", "dim") ?? [-1];
        long[] places = [.. axes.Select(a => (long)call.Axis(a, x.Rank + axes.Length))];
        return [new KerasValue(Graph.Op("Unsqueeze", [x.Name, Graph.Axes(places)]), x.Rank + places.Length)];
    }

    private KerasValue[] Squeeze(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        if (call.Longs(1, "axis", "squeeze_dims") is not { Length: > 0 } given) throw call.Layer.Fault("it removes all axes of size 1, which is not supported; name the axis");
        long[] axes = [.. given.Select(a => (long)call.Axis(a, x.Rank)).Distinct()];
        return [new KerasValue(Graph.Op("Squeeze", [x.Name, Graph.Axes(axes)]), x.Rank - axes.Length)];
    }

    private KerasValue Concat(KerasArguments call, long otherwise)
    {
        var values = Values(call, "values", "tensors", "xs");
        return new KerasValue(Graph.Op("Concat", [.. values.Select(v => v.Name)], ("axis", (long)call.Axis(call.Long(1, otherwise, "axis"), values[0].Rank))), values[0].Rank);
    }

    private KerasValue[] Stack(KerasArguments call)
    {
        var values = Values(call, "values", "x", "xs");
        var axis = call.Axis(call.Long(1, 0, "axis"), values[0].Rank + 1);
        return [new KerasValue(Graph.Op("Concat", [.. values.Select(v => Graph.Unsqueeze(v.Name, axis))], ("axis", (long)axis)), values[0].Rank + 1)];
    }

    /// <summary>The values of a list. Constants among them get the type of the first value.</summary>
    private List<KerasValue> Values(KerasArguments call, params string[] names)
    {
        var given = call.Need(0, names);
        if (given.Value is { } one) return [one];
        if (given.Items is not { Count: > 0 } items || items.Find(i => i.Value is not null)?.Value is not { } first) throw call.Layer.Fault("it is called without values");
        var arithmetic = new KerasArithmetic(emitter);
        var values = items.ConvertAll(i => arithmetic.Operand(call.Layer, i, first.Name) is var (name, rank) ? new KerasValue(name, rank) : default);
        return values.TrueForAll(v => v.Rank == first.Rank) ? values : throw call.Layer.Fault("its values differ in their number of dimensions");
    }

    private KerasValue[] Unstack(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var count = call.Long(KerasOperations.IsOfTensorFlow(call.Layer) ? 1 : -1, 0, "num");
        var axis = call.Axis(call.Long(2, 0, "axis"), x.Rank);
        if (count is < 1 or > MostParts) throw call.Layer.Fault("the number of its parts is not in the file, or too large; give num");
        string[] parts = [.. Enumerable.Range(0, (int)count).Select(_ => Graph.Graph.Fresh(Graph.Scope))];
        Graph.Ops("Split", [x.Name], parts, ("axis", (long)axis), ("num_outputs", count));
        return [.. parts.Select(p => new KerasValue(Graph.Squeeze(p, axis), x.Rank - 1))];
    }

    /// <summary>Parts of equal size, TensorFlow's sizes, or the places at which Keras 3 cuts.</summary>
    private KerasValue[] Split(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var axis = call.Axis(call.Long(2, 0, "axis"), x.Rank);
        _ = call.Find(-1, "num");
        var isOfTensorFlow = KerasOperations.IsOfTensorFlow(call.Layer);
        var given = call.Need(1, "num_or_size_splits", "indices_or_sections");
        var numbers = call.Longs(1, "num_or_size_splits", "indices_or_sections")!;
        var isCount = given.Content.ValueKind != JsonValueKind.Array;
        var count = isCount ? numbers[0] : isOfTensorFlow ? numbers.Length : numbers.Length + 1;
        if (count is < 1 or > MostParts) throw call.Layer.Fault($"it splits into {count} parts; from 1 to {MostParts} are supported");
        string[] parts = [.. Enumerable.Range(0, (int)count).Select(_ => Graph.Graph.Fresh(Graph.Scope))];
        if (isCount)
        {
            Graph.Ops("Split", [x.Name], parts, ("axis", (long)axis), ("num_outputs", count), (Decompose.EqualParts, 1L));
        }
        else if (isOfTensorFlow && numbers.All(n => n >= 0))
        {
            Graph.Ops("Split", [x.Name, Graph.Axes(numbers)], parts, ("axis", (long)axis));
        }
        else if (isOfTensorFlow)
        {
            throw call.Layer.Fault("a size of -1 is not supported; name all sizes");
        }
        else
        {
            for (var i = 0; i < parts.Length; i++)
                Graph.Op("Slice", [x.Name, Graph.Axes(i == 0 ? 0 : numbers[i - 1]), Graph.Axes(i < numbers.Length ? numbers[i] : long.MaxValue), Graph.Axes(axis)], parts[i]);
        }

        return [.. parts.Select(p => new KerasValue(p, x.Rank))];
    }

    private KerasValue[] Tile(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var times = call.Longs(1, "multiples", "repeats", "n") ?? throw call.Layer.Fault("it is called without the number of repeats");
        if (times.Length != x.Rank || Array.Exists(times, t => t < 1)) throw call.Layer.Fault($"its repeats are {string.Join(", ", times)}; each of the {x.Rank} axes needs one of at least 1");
        return [new KerasValue(Graph.Op("Tile", [x.Name, Graph.Axes(times)]), x.Rank)];
    }

    /// <summary>Each element as often as given, one after the other.</summary>
    private KerasValue[] Repeat(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var (times, axis) = (call.Long(1, 0, "repeats", "rep"), call.Axis(call.Long(2, long.MinValue, "axis") is > long.MinValue and var given ? given : throw call.Layer.Fault("it repeats over all axes, which is not supported; name the axis"), x.Rank));
        if (times is < 1 or > MostParts) throw call.Layer.Fault($"it repeats {times} times; from 1 to {MostParts} are supported");
        var scales = new float[x.Rank];
        Array.Fill(scales, 1);
        scales[axis] = times;
        return [new KerasValue(Graph.Op("Resize", [x.Name, null, Graph.Constant("scales", IrTensor.Of<float>([scales.Length], scales))], ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")), x.Rank)];
    }

    private KerasValue[] Reverse(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        long[] axes = call.Longs(1, "axis", "axes") is { } given ? [.. given.Select(a => (long)call.Axis(a, x.Rank)).Distinct()] : KerasSpatial.Axes(0, x.Rank);
        return [new KerasValue(Graph.Reversed(x.Name, axes), x.Rank)];
    }

    private KerasValue[] Pad(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var given = call.Need(1, "paddings", "pad_width");
        var numbers = KerasConstants.Typed(call.Layer, "paddings", given.Content);
        if (given.Value is not null || given.Items is not null || numbers.Type != ElementType.Int64) throw call.Layer.Fault("its padding must be whole numbers in the file");
        var flat = numbers.Integers();
        long[] before, after;
        if (numbers.Shape is [var axes, 2] && axes == x.Rank) (before, after) = ([.. flat.Where((_, i) => i % 2 == 0)], [.. flat.Where((_, i) => i % 2 == 1)]);
        else if (numbers.Shape is [] or [1]) before = after = [.. Enumerable.Repeat(flat[0], x.Rank)];
        else throw call.Layer.Fault($"its padding has shape [{string.Join(", ", numbers.Shape)}]; it must have a pair for each of the {x.Rank} axes");
        if (flat.Any(n => n is < 0 or > int.MaxValue)) throw call.Layer.Fault("its padding is negative");
        var isConstant = (call.Text(2, "mode") ?? "constant").ToUpperInvariant() switch
        {
            "CONSTANT" => true,
            "REFLECT" => false,
            var other => throw call.Layer.Fault($"the mode '{other}' is not supported; constant and reflect are"),
        };
        var value = call.Float(-1, 0, "constant_values");
        return [new KerasValue(Graph.Op("Pad", [x.Name, Graph.Axes([.. before, .. after]), isConstant && value != 0 ? Graph.Scalar(value) : null], ("mode", isConstant ? "constant" : "reflect")), x.Rank)];
    }

    private KerasValue[] Gather(KerasArguments call)
    {
        var x = call.Value(0, "params", "x", "reference");
        if (call.Find(-1, "validate_indices") is not null || call.Long(-1, 0, "batch_dims") != 0) throw call.Layer.Fault("batch_dims is not supported");
        var given = call.Need(1, "indices");
        var (indices, rank) = given.Value is { } value ? (Graph.Op("Cast", [value.Name], ("to", 7L)), value.Rank) : KerasConstants.Typed(call.Layer, "indices", given.Content) is { Type: ElementType.Int64 } constant ? (Graph.Constant(call.Layer.Name, constant), constant.Shape.Length) : throw call.Layer.Fault("its indices must be whole numbers");
        var axis = call.Long(2, KerasOperations.IsOfTensorFlow(call.Layer) ? 0 : long.MinValue, "axis");
        if (axis == long.MinValue) throw call.Layer.Fault("taking from all axes is not supported; name the axis");
        return [new KerasValue(Graph.Op("Gather", [x.Name, indices], ("axis", (long)call.Axis(axis, x.Rank))), x.Rank - 1 + rank)];
    }

    private KerasValue[] Cast(KerasArguments call)
    {
        var x = call.Value(0, s_x);
        var type = call.Text(1, "dtype", "DstT") switch
        {
            "float32" or "float16" or "bfloat16" or "float64" or "half" or "float" or "double" => 1L,
            "uint8" => 2L,
            "int32" => 6L,
            "int64" => 7L,
            "bool" => 9L,
            var other => throw call.Layer.Fault($"a cast to '{other}' is not supported; float32, int32, int64, uint8 and bool are"),
        };
        return [new KerasValue(Graph.Op("Cast", [x.Name], ("to", type)), x.Rank)];
    }

    private KerasValue Like(KerasArguments call, long number)
    {
        var x = call.Value(0, s_x);
        if (call.Find(-1, "dtype") is not null) throw call.Layer.Fault("another type is not supported; use cast");
        return new KerasValue(Graph.Op("Expand", [Graph.Op("CastLike", [Graph.Number(number), x.Name]), Graph.Op("Shape", [x.Name])]), x.Rank);
    }

    private KerasValue[] OneHot(KerasArguments call)
    {
        var x = call.Value(0, "indices", "x");
        var depth = call.Long(1, 0, "depth", "num_classes");
        if (depth < 1) throw call.Layer.Fault("its number of classes must be at least 1");
        foreach (var unsupported in (string[])["dtype", "on_value", "off_value"])
        {
            if (call.Find(-1, unsupported) is { } given && Json.TextOf(given.Content) != "float32") throw call.Layer.Fault($"'{unsupported}' is not supported");
        }

        if (call.Flag(-1, false, "sparse")) throw call.Layer.Fault("sparse values are not supported");
        return [new KerasValue(KerasCodes.OneHot(Graph, Graph.BeyondIfNegative(Graph.Op("Cast", [x.Name], ("to", 7L)), Graph.Number(depth)), depth, call.Axis(call.Long(2, -1, "axis"), x.Rank + 1)), x.Rank + 1)];
    }
}
