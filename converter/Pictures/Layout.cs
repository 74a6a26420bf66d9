namespace SeqRuntime.Converter.Pictures;

/// <summary>A picture with places: boxes have theirs, lines are points.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Lines">The points of each forward line.</param>
/// <param name="Loops">The points of each line that carries a state back.</param>
/// <param name="Width">Width of all.</param>
/// <param name="Height">Height of all.</param>
internal sealed record LaidOut(Picture Picture, IReadOnlyList<IReadOnlyList<(double X, double Y)>> Lines, IReadOnlyList<IReadOnlyList<(double X, double Y)>> Loops, double Width, double Height);

/// <summary>
/// Lays out a picture in layers (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981): ranks by the
/// longest path, fewer crossings by barycentres, and places by least squares. A line over several ranks has a place of its own in each, so that it
/// passes between boxes.
/// </summary>
internal sealed class Layout
{
    private const double Gap = 22, LineGap = 12, RankGap = 34, Border = 20, LoopGap = 12;
    private const int Sweeps = 12;

    private readonly Picture _picture;
    private readonly int[] _rank;
    private readonly List<Place> _places = [];
    private readonly List<List<int>> _ranks = [];
    private readonly List<List<int>> _chains = [];

    private Layout(Picture picture)
    {
        _picture = picture;
        _rank = RanksOf(picture);
        for (var rank = 0; rank <= _rank.Append(0).Max(); rank++) _ranks.Add([]);
        foreach (var (index, box) in picture.Boxes.Index()) Add(_rank[index], box.Width, box.Height);
        foreach (var edge in picture.Edges) AddChain(edge);
    }

    public static LaidOut Of(Picture picture)
    {
        var layout = new Layout(picture);
        layout.Order();
        layout.PlaceColumns();
        return layout.Finish();
    }

    /// <summary>The longest path to each box. An input stands directly above its first reader.</summary>
    private static int[] RanksOf(Picture picture)
    {
        var ranks = new int[picture.Boxes.Count];
        var sources = picture.Edges.ToLookup(e => e.To, e => e.From);
        for (var i = 0; i < ranks.Length; i++) ranks[i] = sources[i].Select(s => ranks[s] + 1).Append(0).Max();
        var readers = picture.Edges.ToLookup(e => e.From, e => e.To);
        for (var i = 0; i < ranks.Length; i++)
        {
            if (picture.Boxes[i].Kind is BoxKind.Input or BoxKind.State && readers[i].Any()) ranks[i] = readers[i].Min(r => ranks[r]) - 1;
        }

        return ranks;
    }

    private int Add(int rank, double width, double height)
    {
        _places.Add(new Place(rank, width, height));
        _ranks[rank].Add(_places.Count - 1);
        return _places.Count - 1;
    }

    private void AddChain(Edge edge)
    {
        List<int> chain = [edge.From];
        for (var rank = _rank[edge.From] + 1; rank < _rank[edge.To]; rank++) chain.Add(Add(rank, 0, 0));
        chain.Add(edge.To);
        foreach (var (above, below) in chain.Zip(chain.Skip(1)))
        {
            _places[above].Below.Add(below);
            _places[below].Above.Add(above);
        }

        _chains.Add(chain);
    }

    /// <summary>Sorts each rank by the mean position of its neighbours, down and up, and keeps the order with the fewest crossings.</summary>
    private void Order()
    {
        Number();
        var best = _ranks.ConvertAll(rank => rank.ToList());
        var fewest = Crossings();
        for (var sweep = 0; sweep < Sweeps && fewest > 0; sweep++)
        {
            var isDown = sweep % 2 == 0;
            foreach (var rank in isDown ? _ranks : Enumerable.Reverse(_ranks))
            {
                var sorted = rank.Select((place, i) => (Place: place, Key: Mean(isDown ? _places[place].Above : _places[place].Below, i))).OrderBy(p => p.Key).Select(p => p.Place).ToList();
                for (var i = 0; i < rank.Count; i++)
                {
                    rank[i] = sorted[i];
                    _places[rank[i]].Position = i;
                }
            }

            var crossings = Crossings();
            if (crossings >= fewest) continue;
            fewest = crossings;
            best = _ranks.ConvertAll(rank => rank.ToList());
        }

        for (var i = 0; i < best.Count; i++) _ranks[i] = best[i];
        Number();
    }

    private double Mean(List<int> neighbours, double otherwise) => neighbours.Count == 0 ? otherwise : neighbours.Average(n => _places[n].Position);

    private void Number()
    {
        foreach (var rank in _ranks)
        {
            foreach (var (i, place) in rank.Index()) _places[place].Position = i;
        }
    }

    private long Crossings()
    {
        var count = 0L;
        foreach (var rank in _ranks)
        {
            var ends = rank.SelectMany(place => _places[place].Below.Select(below => _places[below].Position).Order()).ToList();
            for (var i = 0; i < ends.Count; i++)
            {
                for (var j = i + 1; j < ends.Count; j++)
                {
                    if (ends[j] < ends[i]) count++;
                }
            }
        }

        return count;
    }

    /// <summary>Gives each place a centre near the mean of its neighbours'.</summary>
    private void PlaceColumns()
    {
        foreach (var rank in _ranks) Fit(rank, [.. rank.Select(_ => 0.0)]);
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var isDown = sweep % 2 == 0;
            foreach (var rank in isDown ? _ranks : Enumerable.Reverse(_ranks))
            {
                Fit(rank, [.. rank.Select(place => (isDown ? _places[place].Above : _places[place].Below) is { Count: > 0 } next ? next.Average(n => _places[n].Center) : _places[place].Center)]);
            }
        }
    }

    /// <summary>Centres with the least squared distance to the wished ones that keep the order and the gaps: places that would overlap move as one block.</summary>
    private void Fit(List<int> rank, double[] wished)
    {
        var offsets = new double[rank.Count];
        for (var i = 1; i < rank.Count; i++) offsets[i] = offsets[i - 1] + Apart(_places[rank[i - 1]], _places[rank[i]]);
        var blocks = new List<(double Sum, int Count)>();
        for (var i = 0; i < rank.Count; i++)
        {
            var block = (Sum: wished[i] - offsets[i], Count: 1);
            while (blocks.Count > 0 && blocks[^1].Sum / blocks[^1].Count >= block.Sum / block.Count)
            {
                block = (block.Sum + blocks[^1].Sum, block.Count + blocks[^1].Count);
                blocks.RemoveAt(blocks.Count - 1);
            }

            blocks.Add(block);
        }

        var at = 0;
        foreach (var (sum, count) in blocks)
        {
            for (var i = 0; i < count; i++, at++) _places[rank[at]].Center = sum / count + offsets[at];
        }
    }

    private static double Apart(Place left, Place right) => (left.Width + right.Width) / 2 + (left.Width == 0 || right.Width == 0 ? LineGap : Gap);

    private LaidOut Finish()
    {
        var left = _places.Count == 0 ? 0 : _places.Min(p => p.Center - p.Width / 2);
        var right = _places.Count == 0 ? 0 : _places.Max(p => p.Center + p.Width / 2) - left + Border;
        var loopsAbove = _picture.Loops.Count * LoopGap;
        var (tops, y) = (new double[_ranks.Count + 1], Border + loopsAbove);
        for (var rank = 0; rank < _ranks.Count; rank++)
        {
            tops[rank] = y;
            // States that end here get lanes below the rank.
            y += _ranks[rank].Max(p => _places[p].Height) + RankGap + LoopGap * LoopsAt(rank);
        }

        tops[^1] = y;
        foreach (var (index, box) in _picture.Boxes.Index())
        {
            box.X = _places[index].Center - left + Border - box.Width / 2;
            box.Y = tops[_rank[index]];
        }

        var lines = _chains.ConvertAll(chain => LineOf(chain, left, tops));
        var loops = new List<IReadOnlyList<(double X, double Y)>>();
        foreach (var (index, loop) in _picture.Loops.Index()) loops.Add(LoopOf(loop, index, right, tops));
        return new LaidOut(_picture, lines, loops, right + Border + (_picture.Loops.Count > 0 ? (_picture.Loops.Count + 1) * LoopGap : 0), y - RankGap + Border + (_picture.Loops.Count > 0 ? RankGap : 0));
    }

    private int LoopsAt(int rank) => _picture.Loops.Count(l => _rank[l.From] == rank);

    /// <summary>Down through the gaps between ranks; straight through the ranks themselves.</summary>
    private List<(double X, double Y)> LineOf(List<int> chain, double left, double[] tops)
    {
        var points = new List<(double X, double Y)>();
        foreach (var (i, place) in chain.Index())
        {
            var (x, top, bottom) = (_places[place].Center - left + Border, tops[_places[place].Rank], Bottom(_places[place].Rank, tops));
            if (i > 0) points.Add((x, top));
            if (i == 0) points.Add((x, top + _places[place].Height));
            if (i < chain.Count - 1) points.Add((x, bottom));
        }

        return points;
    }

    private double Bottom(int rank, double[] tops) => tops[rank + 1] - RankGap - LoopGap * LoopsAt(rank);

    /// <summary>From below a box along a lane of its own to the right side, up, and back to the state from above.</summary>
    private List<(double X, double Y)> LoopOf(Edge loop, int index, double right, double[] tops)
    {
        var (from, to) = (_picture.Boxes[loop.From], _picture.Boxes[loop.To]);
        var lane = _picture.Loops.Take(index).Count(l => _rank[l.From] == _rank[loop.From]);
        var (start, end) = (from.Center + Math.Min(from.Width / 2 - 4, 8 + 4 * lane), to.Center);
        var (below, side, above) = (Bottom(_rank[loop.From], tops) + 6 + LoopGap * lane, right + (index + 1) * LoopGap, tops[_rank[loop.To]] - 9);
        return [(start, from.Y + from.Height), (start, below), (side, below), (side, above), (end, above), (end, to.Y)];
    }

    /// <summary>A box, or a line's place, in a rank.</summary>
    private sealed class Place(int rank, double width, double height)
    {
        public int Rank => rank;

        public double Width => width;

        public double Height => height;

        public List<int> Above { get; } = [];

        public List<int> Below { get; } = [];

        /// <summary>Place in the order of the rank.</summary>
        public int Position { get; set; }

        public double Center { get; set; }
    }
}
