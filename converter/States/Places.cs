using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>The kind of a value that is kept between runs.</summary>
internal enum PlaceKind
{
    /// <summary>The initial hidden state of a recurrent layer. The layer leaves its last hidden state.</summary>
    Hidden,

    /// <summary>The cell state of an LSTM.</summary>
    Cell,

    /// <summary>Past steps that are joined with new ones along an axis. The newest steps are left.</summary>
    Past,
}

/// <summary>A place in the graph where a value kept between runs enters.</summary>
/// <param name="Node">The layer, or the node that joins past and new steps.</param>
/// <param name="Kind">The kind of value.</param>
/// <param name="IsReverse">Whether the direction reads from the end. Its last state is not the state of a stream.</param>
/// <param name="IsGuess">Whether the node's input has the same role: in a written-out cell with a sum of two products, or where steps are joined before a possible past.</param>
internal sealed record Place(IrNode Node, PlaceKind Kind, bool IsReverse, bool IsGuess = false);

/// <summary>An output that holds what the places of an input leave, element by element.</summary>
/// <param name="Output">The output.</param>
/// <param name="Marks">The origin of its elements. Of two outputs with equal marks, either may be used.</param>
/// <param name="Places">The places.</param>
/// <param name="Depth">The number of unrolled steps of the layer that the state passes before.</param>
/// <param name="IsMasked">Whether a mask may have zeroed elements on the way.</param>
internal sealed record PlaceMatch(IrPort Output, long[] Marks, IReadOnlyList<Place> Places, int Depth, bool IsMasked)
{
    public bool IsReverse => Places.Any(place => place.IsReverse);

    /// <summary>Whether the match at a node is only a guess, because the node's input has the same role.</summary>
    public bool IsGuessAt(IrNode node) => Places.Any(place => place.Node == node && place.IsGuess) && !IsSureAt(node);

    /// <summary>Whether the match at a node is certain: the past comes first, or hidden and cell state go together.</summary>
    public bool IsSureAt(IrNode node) => Places.Any(place => place.Node == node && !place.IsGuess) && Places.Any(place => place.Node == node && (place.IsGuess || place.Kind == PlaceKind.Past));
}

/// <summary>Finds the places that inputs reach, and the outputs that hold what these places leave.</summary>
internal sealed class Places
{
    private const int MostDepth = 4096;

    /// <summary>Work of checking an element.</summary>
    private const int ElementWork = 20;

    private readonly SizedView _view;
    private readonly Provenance _provenance;
    private readonly Dictionary<long, List<(Place Place, long Leaving)>> _ways = [];
    private readonly Dictionary<(IrNode, IrNode), bool> _areOneLayer = [];

    /// <param name="view">The graph with its cells fused.</param>
    /// <param name="provenance">Where elements come from.</param>
    /// <param name="isWritten">Whether a layer was written out in the source. Then it was a guess which of its two products is the input's and which the state's.</param>
    public Places(SizedView view, Provenance provenance, Predicate<IrNode> isWritten)
    {
        (_view, _provenance) = (view, provenance);
        foreach (var node in view.Graph.Nodes)
        {
            if (node.Recurrent is not null) AddLayer(node, isWritten(node));
            else if (node.Op == "Concat" && provenance.Reach.Contains(node.Output(0)) && provenance.Marks(node.Output(0)) is { } marks) AddJoin(node, marks);
        }
    }

    /// <summary>The places that an input enters, nearest first.</summary>
    public IReadOnlyList<Place> Of(IrPort input)
    {
        var (start, count) = (_provenance.StartOf(input.Value), _view.CountOf(input.Value));
        var marks = count <= _ways.Count ? Elements(input) : _ways.Keys.Where(mark => mark >= start && mark < start + count).Order();
        return [.. marks.SelectMany(Ways).Select(way => way.Place).Distinct()];
    }

    /// <summary>The match if an output holds what the input's places leave. Null if it does not.</summary>
    public PlaceMatch? Match(IrPort input, IrPort output)
    {
        if (_view.TypeOf(output.Value) != input.Type || _provenance.Marks(output.Value) is not { } marks || marks.Length != _view.CountOf(input.Value)) return null;
        _view.Graph.Budget.Spend(marks.Length * (long)ElementWork, $"'{output.Name}'");
        var (places, way) = (new List<Place>(), _provenance.WayTo(output.Value));
        var (matched, open) = (0, 0);
        int? depth = null;
        foreach (var (i, mark) in Elements(input).Index())
        {
            var ways = Ways(mark);
            if (ways.Count == 0) continue;
            if (Follow(mark, marks[i], depth, way) is not { } found)
            {
                // The element is joined to something that is not its past, such as features.
                if (ways.Exists(way => way.Place.Kind != PlaceKind.Past)) return null;
                open++;
                continue;
            }

            matched++;
            depth = found.Depth;
            if (!places.Contains(found.Place)) places.Add(found.Place);
        }

        return depth is { } d && matched >= open ? new PlaceMatch(output, marks, places, d, _provenance.IsMasked(output.Value)) : null;
    }

    private IEnumerable<long> Elements(IrPort input)
    {
        var (start, count) = (_provenance.StartOf(input.Value), _view.CountOf(input.Value));
        for (var i = 0L; i < count; i++) yield return start + i;
    }

    private List<(Place Place, long Leaving)> Ways(long mark) => _ways.TryGetValue(mark, out var ways) ? ways : [];

    /// <summary>The place that leaves an element as <paramref name="target"/>. New steps count as the rest of a past only if they were joined to it on the way to the output.</summary>
    private (Place Place, int Depth)? Follow(long mark, long target, int? atDepth, IReadOnlySet<IrNode> onTheWay)
    {
        var now = Ways(mark);
        var seen = new HashSet<long>();
        for (var depth = 0; now.Count > 0 && depth <= (atDepth ?? MostDepth); depth++)
        {
            if (now.Find(way => way.Leaving == target && (way.Place.Kind != PlaceKind.Past || onTheWay.Contains(way.Place.Node))) is { Place: { } place } && (atDepth is null || atDepth == depth)) return (place, depth);
            now = [.. now.Where(way => seen.Add(way.Leaving)).SelectMany(way => Ways(way.Leaving).Where(next => IsOneLayer(way.Place.Node, next.Place.Node)))];
        }

        return null;
    }

    private bool IsOneLayer(IrNode a, IrNode b)
    {
        if (!_areOneLayer.TryGetValue((a, b), out var are)) _areOneLayer[(a, b)] = are = HaveOneMatrix(a, b);
        return are;
    }

    private bool HaveOneMatrix(IrNode a, IrNode b) =>
        a.Op == b.Op && a.Recurrent is { } op && (op.HasRecurrence ? 2 : 1) is var matrix && _view.Known(a.Input(matrix)) is { } first && _view.Known(b.Input(matrix)) is { } second && (ReferenceEquals(first, second) || first.Data.SequenceEqual(second.Data));

    private void AddLayer(IrNode layer, bool isWritten)
    {
        var read = _provenance.Marks(layer.Input(0)) ?? [];
        var isGuess = isWritten && layer.Recurrent!.HasCell && layer.Input(5).Length > 0 && _view.CountOf(layer.Input(0)) == _view.CountOf(layer.Input(5));
        if (isGuess)
        {
            var place = new Place(layer, PlaceKind.Hidden, false, true);
            for (var i = 0; i < read.Length; i++) Add(read[i], place, _provenance.StateOf(layer, 0) + i);
        }

        for (var state = 0; state < layer.Recurrent!.States; state++)
        {
            if (_provenance.Marks(layer.Input(5 + state)) is not { } marks || IsReadToo(marks)) continue;
            var shape = _view.ShapeOf(layer.Input(5 + state));
            var block = shape[1] * shape[2];
            var places = Enumerable.Range(0, shape[0]).Select(direction => new Place(layer, state == 0 && layer.Recurrent.HasRecurrence ? PlaceKind.Hidden : PlaceKind.Cell, Provenance.IsReverse(layer, direction), isGuess && state == 0)).ToArray();
            for (var i = 0; i < marks.Length; i++) Add(marks[i], places[i / block], _provenance.StateOf(layer, state) + i);
        }

        // A value that the layer also reads is data, even if the layer starts with it.
        bool IsReadToo(long[] marks) => marks.Length > 0 && marks[0] != 0 && !isGuess && Array.IndexOf(read, marks[0]) >= 0;
    }

    /// <summary>Past and new steps joined: the past comes first and the last steps remain, or it comes last and the first steps remain.</summary>
    private void AddJoin(IrNode node, long[] marks)
    {
        var shape = _view.ShapeOf(node.Output(0));
        var axis = (int)node.Int("axis", 0);
        if (axis < 0) axis += shape.Length;
        var stride = shape.Skip(axis + 1).Aggregate(1, (a, b) => a * b);
        var total = shape[axis];
        var (front, back) = (new Place(node, PlaceKind.Past, false), new Place(node, PlaceKind.Past, false, true));
        _view.Graph.Budget.Spend(_view.Graph.Inputs.Count * (long)marks.Length * ElementWork, $"'{node.Name}' ({node.Op})");
        foreach (var input in _view.Graph.Inputs)
        {
            var (start, count) = (_provenance.StartOf(input.Value), _view.CountOf(input.Value));
            var own = Enumerable.Range(0, marks.Length).Where(i => marks[i] >= start && marks[i] < start + count).ToArray();
            if (own.Length == 0 || own.DistinctBy(i => marks[i]).Count() < own.Length) continue; // a value joined to itself is not a past
            var (first, end) = (own.Min(Step), own.Max(Step) + 1);
            var shift = first == 0 ? total - end : end == total ? -first : 0;
            if (shift == 0) continue;
            foreach (var i in own) Add(marks[i], shift > 0 ? front : back, marks[i + shift * stride]);
        }

        int Step(int element) => element / stride % total;
    }

    private void Add(long mark, Place place, long leaving)
    {
        if (mark == 0 || leaving == 0) return;
        if (!_ways.TryGetValue(mark, out var ways)) _ways[mark] = ways = [];
        ways.Add((place, leaving));
    }
}
