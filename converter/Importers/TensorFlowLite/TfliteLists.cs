namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// Lists of a loop's steps, which TensorFlow's converter writes as tensors. It replaces an item by joining the items before it, the new one, and the
/// items after it; that is one write here.
/// </summary>
internal static class TfliteLists
{
    /// <summary>The list with a new item, if the operator is such a join. Null if it is another.</summary>
    public static string? SetItem(TfliteCall call)
    {
        if (call.Inputs != 3 || call.Options.Int(0) != 0 || call.Options.Byte(1) != 0 || Maker(call, 0) is not { Op: "SLICE" } before || Maker(call, 2) is not { Op: "SLICE" } after) return null;
        if (before.Place(0) != after.Place(0) || call.Tensor(1).Shape is not [1, ..] || !before.IsConstant(1) || before.Integers(1).Any(b => b != 0)) return null;
        if (!after.IsConstant(2) || after.Integers(2).Any(s => s != -1)) return null;
        if (First(before, 2) is not { } index || First(after, 1) is not { } next) return null;
        // The items after begin one behind the new item.
        if (Scalar(next.Call, next.Input) is not { Op: "ADD" } sum) return null;
        var number = Root(index.Call, index.Input);
        bool IsIndex(int i) => Root(sum, i) == number;
        bool IsOne(int i) => sum.IsConstant(i) && sum.Integers(i) is [1];
        if (!(IsIndex(0) && IsOne(1)) && !(IsIndex(1) && IsOne(0))) return null;
        var place = call.Graph.Op("Reshape", [call.Long(index.Call.Value(index.Input), index.Call.Tensor(index.Input)), call.Graph.Axes(1, 1)]);
        return Put(call, before.Value(0), place, call.Value(1));
    }

    /// <summary>A list with a row [1, …] written at an index [1, 1].</summary>
    public static string Put(TfliteCall call, string list, string place, string row) => call.Graph.Op("ScatterND", [list, place, row]);

    /// <summary>The scalar that is the first element of a vector whose other elements are constants for whole axes.</summary>
    private static (TfliteCall Call, int Input)? First(TfliteCall slice, int input)
    {
        if (Maker(slice, input) is not { Op: "CONCATENATION" or "PACK" } join) return slice.Tensor(input).Shape is [1] ? (slice, input) : null;
        var rest = input == 2 ? -1 : 0;
        for (var i = 1; i < join.Inputs; i++)
        {
            if (!join.IsConstant(i) || join.Integers(i).Any(v => v != rest)) return null;
        }

        return join.Tensor(0).Shape.Aggregate(1, (a, b) => a * b) == 1 ? (join, 0) : null;
    }

    /// <summary>The operator that computes a number, apart from its shape.</summary>
    private static TfliteCall? Scalar(TfliteCall call, int input)
    {
        var maker = Maker(call, input);
        for (var i = 0; i < 4 && maker is { Op: "RESHAPE" or "EXPAND_DIMS" or "SQUEEZE" }; i++) maker = Maker(maker, 0);
        return maker;
    }

    /// <summary>The tensor of a number, apart from its shape.</summary>
    private static int Root(TfliteCall call, int input)
    {
        var place = call.Place(input);
        for (var i = 0; i < 4 && call.Scope.Makers.GetValueOrDefault(place) is { Op: "RESHAPE" or "EXPAND_DIMS" or "SQUEEZE" } maker; i++) place = maker.Place(0);
        return place;
    }

    private static TfliteCall? Maker(TfliteCall call, int input) => call.Has(input) ? call.Scope.Makers.GetValueOrDefault(call.Place(input)) : null;
}
