using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>What becomes of a value that is kept between runs.</summary>
internal enum PlaceKind
{
    /// <summary>The hidden state that a recurrent layer begins with; it leaves its last one.</summary>
    Hidden,

    /// <summary>The cell state of an LSTM.</summary>
    Cell,

    /// <summary>Steps of the past, joined to new ones along an axis; the newest are left behind.</summary>
    Past,
}

/// <summary>A place of the graph that values kept between runs go into.</summary>
/// <param name="Node">The layer, or the node that joins past and new steps.</param>
/// <param name="Kind">What is kept there.</param>
/// <param name="IsReverse">A direction that reads from the end: what it leaves is no state of a stream.</param>
/// <param name="IsGuess">What is read has the same part: in a cell that was written out as the sum of two products, and where steps are joined in front of what may be the past.</param>
internal sealed record Place(IrNode Node, PlaceKind Kind, bool IsReverse, bool IsGuess = false);

/// <summary>An output that holds what places leave behind, element by element as an input entered them.</summary>
/// <param name="Output">The output.</param>
/// <param name="Marks">Where its elements come from: of two outputs with the same marks either will do.</param>
/// <param name="Places">The places.</param>
/// <param name="Depth">How many steps of the layer, written one after the other, the state goes through before.</param>
/// <param name="IsMasked">A mask may have set elements to zero on the way.</param>
internal sealed record PlaceMatch(IrPort Output, long[] Marks, IReadOnlyList<Place> Places, int Depth, bool IsMasked)
{
    public bool IsReverse => Places.Any(place => place.IsReverse);

    /// <summary>Whether the only thing that tells is that a node's place may as well be that of what it reads.</summary>
    public bool IsGuessAt(IrNode node) => Places.Any(place => place.Node == node && place.IsGuess) && !IsSureAt(node);

    /// <summary>Whether it holds for certain what a node leaves that reads it: the past in front, or hidden and cell state together.</summary>
    public bool IsSureAt(IrNode node) => Places.Any(place => place.Node == node && !place.IsGuess) && Places.Any(place => place.Node == node && (place.IsGuess || place.Kind == PlaceKind.Past));
}

/// <summary>Finds the places that inputs reach, and the outputs that hold what these leave behind.</summary>
internal sealed class Places
{
    private const int MostDepth = 4096;

    /// <summary>Work of looking at an element.</summary>
    private const int ElementWork = 20;

    private readonly SizedView _view;
    private readonly Provenance _provenance;
    private readonly Dictionary<long, List<(Place Place, long Leaving)>> _ways = [];
    private readonly Dictionary<(IrNode, IrNode), bool> _areOneLayer = [];

    /// <param name="view">The graph with its cells fused.</param>
    /// <param name="provenance">Where elements come from.</param>
    /// <param name="isWritten">Whether a layer was written out: which of its two products is of the input and which of the state was then a guess.</param>
    public Places(SizedView view, Provenance provenance, Predicate<IrNode> isWritten)
    {
        (_view, _provenance) = (view, provenance);
        foreach (var node in view.Graph.Nodes)
        {
            if (node.Recurrent is not null) AddLayer(node, isWritten(node));
            else if (node.Op == "Concat" && provenance.Reach.Contains(node.Output(0)) && provenance.Marks(node.Output(0)) is { } marks) AddJoin(node, marks);
        }
    }

    /// <summary>The places that an input goes into, nearest first.</summary>
    public IReadOnlyList<Place> Of(IrPort input)
    {
        var (start, count) = (_provenance.StartOf(input.Value), _view.CountOf(input.Value));
        var marks = count <= _ways.Count ? Elements(input) : _ways.Keys.Where(mark => mark >= start && mark < start + count).Order();
        return [.. marks.SelectMany(Ways).Select(way => way.Place).Distinct()];
    }

    /// <summary>Whether an output holds what the input's places leave behind.</summary>
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
                // Joined to something that is no past of it, as features are.
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

    /// <summary>The place after which an element is left as <paramref name="target"/>. New steps are what is left of a past only if they were joined to it on the way to the output.</summary>
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
        a.Op == b.Op && a.Recurrent is not null && _view.Known(a.Input(2)) is { } first && _view.Known(b.Input(2)) is { } second && (ReferenceEquals(first, second) || first.Data.AsSpan().SequenceEqual(second.Data));

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
            var places = Enumerable.Range(0, shape[0]).Select(direction => new Place(layer, state == 0 ? PlaceKind.Hidden : PlaceKind.Cell, Provenance.IsReverse(layer, direction), isGuess && state == 0)).ToArray();
            for (var i = 0; i < marks.Length; i++) Add(marks[i], places[i / block], _provenance.StateOf(layer, state) + i);
        }

        // What the layer reads is data, though it begins with it too.
        bool IsReadToo(long[] marks) => marks.Length > 0 && marks[0] != 0 && !isGuess && Array.IndexOf(read, marks[0]) >= 0;
    }

    /// <summary>Past and new steps side by side: the past stands first and the last steps stay, or last and the first stay.</summary>
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
            if (own.Length == 0 || own.DistinctBy(i => marks[i]).Count() < own.Length) continue; // what is joined to itself is no past
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
