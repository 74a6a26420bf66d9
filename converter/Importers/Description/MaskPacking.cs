namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Moves the steps that count to the front for a recurrent layer with sequence lengths, and back.
/// </summary>
/// <remarks>
/// At a masked step the state stays. The output is zeros, or the output of the previously read step, or zeros if there was none. Steps
/// that count keep their order; masked steps follow them. All sequences keep their length.
/// </remarks>
internal sealed class MaskPacking
{
    private readonly GraphComposer _graph;
    private readonly string _mask;
    private readonly string _length;
    private readonly string _place;
    private readonly string _isMade;
    private readonly bool _isBackward;

    /// <param name="graph">Receives the nodes.</param>
    /// <param name="x">The sequence [N, T, features].</param>
    /// <param name="mask">Which steps count: bool [N, T].</param>
    /// <param name="isBackward">Whether the last step is read first.</param>
    public MaskPacking(GraphComposer graph, string x, string mask, bool isBackward)
    {
        (_graph, _mask, _isBackward) = (graph, mask, isBackward);
        var counts = graph.Op("Cast", [mask], ("to", 7L));
        _length = graph.Op("ReduceSum", [counts, graph.Axes(1)], ("keepdims", 1L));
        Lengths = graph.Op("Cast", [graph.Squeeze(_length, 1)], ("to", 6L));
        // Sort the steps by time, with masked steps after all others.
        var steps = graph.Size(mask, 1);
        var times = graph.Op("Range", [graph.Number(0), steps, graph.Number(1)]);
        var order = graph.Op("Where", [mask, times, graph.Op("Add", [times, steps])]);
        string[] sorted = ["", graph.Graph.Fresh(graph.Scope)];
        graph.Ops("TopK", [order, graph.Unsqueeze(steps, 0)], sorted, ("largest", 0L));
        Packed = Take(x, sorted[1]);
        // Each step's output comes from the latest step that counts, in reading order.
        var soFar = graph.Op("CumSum", [counts, graph.Number(1)], ("exclusive", isBackward ? 1L : 0L));
        _place = isBackward ? soFar : graph.Op("Sub", [soFar, graph.Number(1)]);
        _isMade = isBackward ? graph.Op("Less", [soFar, _length]) : graph.Op("GreaterOrEqual", [_place, graph.Number(0)]);
        if (!isBackward) _place = graph.Op("Max", [_place, graph.Number(0)]);
    }

    /// <summary>The steps that count, then the masked ones, [N, T, features].</summary>
    public string Packed { get; }

    /// <summary>The number of steps that count, int32 [N].</summary>
    public string Lengths { get; }

    /// <summary>Outputs of packed steps [N, T, H] at the original places.</summary>
    public string Unpack(string packed, bool isZeroElsewhere) => Only(isZeroElsewhere ? _mask : _isMade, Take(packed, _place), 2);

    /// <summary>The output of the step that is read last, [N, H].</summary>
    /// <param name="state">The state after the last step that counts, or the initial state if none counts.</param>
    /// <param name="isZeroElsewhere">Whether a masked step gives zeros.</param>
    /// <param name="isFirstZero">Whether the initial state is zero.</param>
    public string Last(string state, bool isZeroElsewhere, bool isFirstZero)
    {
        if (isZeroElsewhere)
        {
            var (start, end) = _isBackward ? (0L, 1L) : (-1L, long.MaxValue);
            return Only(_graph.Squeeze(_graph.Op("Slice", [_mask, _graph.Axes(start), _graph.Axes(end), _graph.Axes(1)]), 1), state, 1);
        }

        return isFirstZero ? state : Only(_graph.Squeeze(_graph.Op("Greater", [_length, _graph.Number(0)]), 1), state, 1);
    }

    private string Only(string isThere, string value, int axis) => _graph.Op("Where", [_graph.Unsqueeze(isThere, axis), value, _graph.Scalar(0)]);

    private string Take(string value, string places) => _graph.Op("GatherND", [value, _graph.Unsqueeze(places, 2)], ("batch_dims", 1L));
}
