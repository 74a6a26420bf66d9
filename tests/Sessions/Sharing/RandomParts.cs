using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions.Sharing;

/// <summary>Nodes of a random graph that move, join and cut values, or compute elementwise. <see cref="RandomLayers"/> has nodes with weights.</summary>
internal sealed class RandomParts
{
    private static readonly UnaryFunction[] s_functions =
        [UnaryFunction.Tanh, UnaryFunction.Sigmoid, UnaryFunction.Neg, UnaryFunction.Abs, UnaryFunction.Relu, UnaryFunction.Softsign, UnaryFunction.Erf, UnaryFunction.HardSigmoid];

    private readonly RandomGraph _g;
    private readonly Random _random;
    private readonly (int Weight, Func<bool> Add)[] _parts;

    public RandomParts(RandomGraph graph)
    {
        _g = graph;
        _random = graph.Random;
        var layers = new RandomLayers(graph);
        _parts =
        [
            (5, Unary), (7, Binary), (1, Clip), (2, Where), (3, Softmax), (3, Reshape), (2, Squeeze), (2, Unsqueeze), (1, Identity), (3, Transpose),
            (1, Flatten), (3, Concat), (2, Split), (3, Slice), (1, Pad), (1, Expand), (1, Tile), (2, Gather), (3, Reduce), (1, CumSum), (1, TopK),
            (1, Cast), (2, KnownShape), (1, Filled), (3, layers.Linear), (2, layers.Square), (2, layers.Attention), (1, layers.Normalize), (1, layers.Conv),
            (3, layers.Recurrent), (1, layers.Stack), (1, layers.Lookup), (1, Trilu),
        ];
    }

    /// <summary>Adds a random fitting node, or a few that belong together.</summary>
    public void AddOne()
    {
        for (var tries = 0; tries < 50; tries++)
        {
            var at = _random.Next(_parts.Sum(p => p.Weight));
            foreach (var (weight, add) in _parts)
            {
                at -= weight;
                if (at >= 0) continue;
                if (add()) return;
                break;
            }
        }
    }

    /// <summary>The update of each state: another state's or an input's content, any value of its shape, or a value computed from the state.</summary>
    public void AddUpdates(List<RandomValue> states)
    {
        foreach (var state in states)
        {
            if (_g.Graph.States.Find(s => s.Value == state.Id)!.Update >= 0) continue;
            var other = _random.Next(3) == 0
                ? states.Where(s => s.Id != state.Id && Fits(s)).OrderBy(_ => _random.Next()).FirstOrDefault()
                : _g.Pick(v => Fits(v) && v.Id != state.Id);
            if (other is null || _random.Next(6) == 0)
            {
                var sum = _g.Node(OpKind.Binary, [state.Id, _g.Scalar(0.25f)], state.Shape, Function(BinaryFunction.Add));
                other = _random.Next(4) == 0 ? state : _g.Node(OpKind.Unary, [sum.Id], state.Shape, Function(UnaryFunction.Tanh));
            }

            _g.Graph.UpdateState(state.Id, other.Id);

            bool Fits(RandomValue value) => value.Type == state.Type && value.Shape.SequenceEqual(state.Shape);
        }
    }

    private static Attributes Function<T>(T function)
        where T : struct, Enum => new Attributes().Set(AttributeKey.Function, function);

    private static Attributes Axis(int axis) => new Attributes().Set(AttributeKey.Axis, axis);

    private static Dim[] With(Dim[] shape, int axis, Dim size)
    {
        var other = (Dim[])shape.Clone();
        other[axis] = size;
        return other;
    }

    private bool Unary()
    {
        if (_g.PickFloat() is not { } x) return false;
        _g.Node(OpKind.Unary, [x.Id], x.Shape, Function(s_functions[_random.Next(s_functions.Length)]));
        return true;
    }

    private bool Binary()
    {
        BinaryFunction[] functions = [BinaryFunction.Add, BinaryFunction.Sub, BinaryFunction.Mul, BinaryFunction.Min, BinaryFunction.Max];
        if (_g.PickFloat() is not { } a) return false;
        var b = _g.Pick(v => v.Type == ElementType.Float32 && Broadcast(a.Shape, v.Shape) is not null);
        var function = Function(functions[_random.Next(functions.Length)]);
        if (b is null || _random.Next(4) == 0) _g.Node(OpKind.Binary, _random.Next(2) == 0 ? [a.Id, _g.Scalar(0.5f)] : [_g.Scalar(0.5f), a.Id], a.Shape, function);
        else _g.Node(OpKind.Binary, [a.Id, b.Id], Broadcast(a.Shape, b.Shape)!, function);
        return true;
    }

    private static Dim[]? Broadcast(Dim[] a, Dim[] b)
    {
        var shape = new Dim[Math.Max(a.Length, b.Length)];
        for (var i = 1; i <= shape.Length; i++)
        {
            var (x, y) = (i <= a.Length ? a[^i] : Dim.One, i <= b.Length ? b[^i] : Dim.One);
            if (x != y && x != Dim.One && y != Dim.One) return null;
            shape[^i] = x == Dim.One ? y : x;
        }

        return shape;
    }

    private bool Clip()
    {
        if (_g.PickFloat() is not { } x) return false;
        _g.Node(OpKind.Clip, [x.Id, _g.Scalar(-0.5f), _g.Scalar(0.75f)], x.Shape);
        return true;
    }

    private bool Where()
    {
        if (_g.PickFloat() is not { } x) return false;
        var isAbove = _g.Node(OpKind.Binary, [x.Id, _g.Scalar(0.1f)], x.Shape, Function(BinaryFunction.Greater), ElementType.Bool);
        var other = _g.Pick(v => v.Type == ElementType.Float32 && v.Shape.SequenceEqual(x.Shape));
        _g.Node(OpKind.Where, [isAbove.Id, x.Id, other?.Id ?? _g.Scalar(0)], x.Shape);
        return true;
    }

    private bool Softmax()
    {
        if (_g.PickFloat(1) is not { } x) return false;
        _g.Node(_random.Next(3) == 0 ? OpKind.LogSoftmax : OpKind.Softmax, [x.Id], x.Shape, Axis(_random.Next(x.Rank)));
        return true;
    }

    /// <summary>Merges two neighbouring axes, or splits one. Sizes before them are copied.</summary>
    private bool Reshape()
    {
        if (_g.Pick(v => v.Rank >= 1) is not { } x) return false;
        var at = _random.Next(x.Rank);
        var rest = x.Shape[(at + 1)..];
        var before = Enumerable.Repeat(0L, at);
        if (x.Shape[at].IsConstant && x.Shape[at].Constant % 2 == 0 && rest.All(d => d.IsConstant) && x.Rank < 5)
        {
            var half = x.Shape[at].Constant / 2;
            _g.Node(OpKind.Reshape, [x.Id, _g.Longs([.. before, 2, half, .. rest.Select(d => (long)d.Constant)])], [.. x.Shape[..at], new Dim(2), new Dim(half), .. rest], type: x.Type);
            return true;
        }

        if (rest.Length == 0 || !rest.All(d => d.IsConstant)) return false;
        var merged = x.Shape[at] * rest[0].Constant;
        _g.Node(OpKind.Reshape, [x.Id, _g.Longs([.. before, -1, .. rest[1..].Select(d => (long)d.Constant)])], [.. x.Shape[..at], merged, .. rest[1..]], type: x.Type);
        return true;
    }

    private bool Squeeze()
    {
        if (_g.Pick(v => v.Shape.Contains(Dim.One)) is not { } x) return false;
        var at = Array.IndexOf(x.Shape, Dim.One);
        _g.Node(OpKind.Squeeze, [x.Id, _g.Longs(at)], [.. x.Shape[..at], .. x.Shape[(at + 1)..]], type: x.Type);
        return true;
    }

    private bool Unsqueeze()
    {
        if (_g.Pick(v => v.Rank < 5) is not { } x) return false;
        var at = _random.Next(x.Rank + 1);
        _g.Node(OpKind.Unsqueeze, [x.Id, _g.Longs(at)], [.. x.Shape[..at], Dim.One, .. x.Shape[at..]], type: x.Type);
        return true;
    }

    private bool Identity()
    {
        var x = _g.Values[_random.Next(_g.Values.Count)];
        _g.Node(OpKind.Identity, [x.Id], x.Shape, type: x.Type);
        return true;
    }

    private bool Flatten()
    {
        if (_g.Pick(v => v.Rank == 3 && v.Last.IsConstant) is not { } x) return false;
        _g.Node(OpKind.Flatten, [x.Id], [x.Shape[0], x.Shape[1] * x.Last.Constant], Axis(1), x.Type);
        return true;
    }

    private bool Transpose()
    {
        if (_g.Pick(v => v.Rank >= 2) is not { } x) return false;
        var perm = Enumerable.Range(0, x.Rank).ToArray();
        _random.Shuffle(perm);
        _g.Node(OpKind.Transpose, [x.Id], [.. perm.Select(p => x.Shape[p])], new Attributes().Set(AttributeKey.Perm, perm), x.Type);
        return true;
    }

    private bool Concat()
    {
        if (_g.PickFloat(1) is not { } a) return false;
        var axis = _random.Next(a.Rank);
        var b = _g.Pick(v => v.Type == a.Type && v.Rank == a.Rank && With(v.Shape, axis, Dim.One).SequenceEqual(With(a.Shape, axis, Dim.One)))!;
        _g.Node(OpKind.Concat, [a.Id, b.Id], With(a.Shape, axis, a.Shape[axis] + b.Shape[axis]), Axis(axis));
        return true;
    }

    private bool Split()
    {
        if (!PickAxis(v => v >= 2, out var x, out var axis)) return false;
        var (total, first) = (x.Shape[axis].Constant, _random.Next(1, x.Shape[axis].Constant));
        var isWhole = _random.Next(3) > 0;
        _g.NodeMany(OpKind.Split, [x.Id, _g.Longs(first, total - first)], [With(x.Shape, axis, new Dim(first)), isWhole ? With(x.Shape, axis, new Dim(total - first)) : null], Axis(axis), x.Type, x.Type);
        return true;
    }

    private bool Slice()
    {
        if (_random.Next(3) == 0)
        {
            // The last step, as after a recurrent layer.
            if (_g.Pick(v => v.Shape.Contains(Dim.T)) is not { } all) return false;
            var time = Array.IndexOf(all.Shape, Dim.T);
            _g.Node(OpKind.Slice, [all.Id, _g.Longs(-1), _g.Longs(int.MaxValue), _g.Longs(time)], With(all.Shape, time, Dim.One), type: all.Type);
            return true;
        }

        if (!PickAxis(v => v >= 2, out var x, out var axis)) return false;
        var start = _random.Next(x.Shape[axis].Constant);
        var end = _random.Next(start, x.Shape[axis].Constant) + 1;
        _g.Node(OpKind.Slice, [x.Id, _g.Longs(start), _g.Longs(end), _g.Longs(axis)], With(x.Shape, axis, new Dim(end - start)), type: x.Type);
        return true;
    }

    private bool Pad()
    {
        if (_g.PickFloat(1) is not { } x) return false;
        var axis = _random.Next(x.Rank);
        var pads = new long[2 * x.Rank];
        (pads[axis], pads[x.Rank + axis]) = (_random.Next(3), _random.Next(3));
        _g.Node(OpKind.Pad, [x.Id, _g.Longs(pads)], With(x.Shape, axis, x.Shape[axis] + new Dim((int)(pads[axis] + pads[x.Rank + axis]))));
        return true;
    }

    private bool Expand()
    {
        if (_g.Pick(v => v.Shape.Contains(Dim.One)) is not { } x) return false;
        var axis = Array.IndexOf(x.Shape, Dim.One);
        long[] target = [.. Enumerable.Range(0, x.Rank).Select(i => i == axis ? 3L : 1L)];
        _g.Node(OpKind.Expand, [x.Id, _g.Longs(target)], With(x.Shape, axis, new Dim(3)), type: x.Type);
        return true;
    }

    private bool Tile()
    {
        if (_g.Pick(v => v.Rank is >= 1 and <= 3) is not { } x) return false;
        var axis = _random.Next(x.Rank);
        _g.Node(OpKind.Tile, [x.Id, _g.Longs([.. Enumerable.Range(0, x.Rank).Select(i => i == axis ? 2L : 1L)])], With(x.Shape, axis, x.Shape[axis] * 2), type: x.Type);
        return true;
    }

    private bool Gather()
    {
        if (!PickAxis(v => v >= 2, out var x, out var axis)) return false;
        var isOne = _random.Next(2) == 0;
        var indices = isOne ? _g.Long(_random.Next(x.Shape[axis].Constant)) : _g.Longs(1, 0, -1);
        _g.Node(OpKind.Gather, [x.Id, indices], isOne ? [.. x.Shape[..axis], .. x.Shape[(axis + 1)..]] : With(x.Shape, axis, new Dim(3)), Axis(axis), x.Type);
        return true;
    }

    private bool Reduce()
    {
        if (_g.PickFloat(1) is not { } x) return false;
        var axis = _random.Next(x.Rank);
        var keeps = _random.Next(2) == 0;
        var function = Function((ReduceFunction)_random.Next(0, 4)).Set(AttributeKey.KeepDims, keeps);
        _g.Node(OpKind.Reduce, [x.Id, _g.Longs(axis)], keeps ? With(x.Shape, axis, Dim.One) : [.. x.Shape[..axis], .. x.Shape[(axis + 1)..]], function);
        return true;
    }

    private bool CumSum()
    {
        if (_g.PickFloat(1) is not { } x) return false;
        _g.Node(OpKind.CumSum, [x.Id, _g.Long(_random.Next(x.Rank))], x.Shape);
        return true;
    }

    private bool Trilu()
    {
        if (_g.PickFloat(2) is not { } x) return false;
        _g.Node(OpKind.Trilu, [x.Id], x.Shape, new Attributes().Set(AttributeKey.Upper, _random.Next(2)));
        return true;
    }

    private bool TopK()
    {
        if (!PickAxis(v => v >= 2, out var x, out var axis) || x.Type != ElementType.Float32) return false;
        var shape = With(x.Shape, axis, new Dim(2));
        _g.NodeMany(OpKind.TopK, [x.Id, _g.Long(2)], [_random.Next(4) == 0 ? null : shape, shape], Axis(axis), ElementType.Float32, ElementType.Int64);
        return true;
    }

    private bool Cast()
    {
        if (_g.Pick(v => v.Type != ElementType.Float32) is not { } x) return false;
        _g.Node(OpKind.Cast, [x.Id], x.Shape, new Attributes().Set(AttributeKey.To, ElementType.Float32));
        return true;
    }

    /// <summary>A computed shape: known when shapes are inferred, and possibly an output.</summary>
    private bool KnownShape()
    {
        if (_g.PickFloat(2) is not { } x) return false;
        var shape = _g.Node(OpKind.Shape, [x.Id], [new Dim(x.Rank)], type: ElementType.Int64);
        var turned = _g.Node(OpKind.Transpose, [x.Id], [.. x.Shape.Reverse()]);
        _g.Node(OpKind.Reshape, [turned.Id, shape.Id], x.Shape);
        return true;
    }

    private bool Filled()
    {
        if (_g.PickFloat(1) is not { } x) return false;
        var shape = _g.Node(OpKind.Shape, [x.Id], [new Dim(x.Rank)], type: ElementType.Int64);
        _g.Node(OpKind.ConstantOfShape, [shape.Id], x.Shape, new Attributes().Set(AttributeKey.Value, 0.5f));
        return true;
    }

    /// <summary>A value with an axis of a constant size.</summary>
    private bool PickAxis(Func<int, bool> fits, out RandomValue value, out int axis)
    {
        var picked = _g.Pick(v => v.Shape.Any(d => d.IsConstant && fits(d.Constant)));
        (value, axis) = (picked!, -1);
        if (picked is null) return false;
        int[] axes = [.. Enumerable.Range(0, picked.Rank).Where(i => picked.Shape[i].IsConstant && fits(picked.Shape[i].Constant))];
        axis = axes[_random.Next(axes.Length)];
        return true;
    }
}
