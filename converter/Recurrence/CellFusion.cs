using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>Replaces written-out steps of recurrent layers by LSTM, GRU and RNN nodes of one step.</summary>
internal sealed class CellFusion
{
    private readonly Rewriter _rewriter;
    private readonly CellContext _context;
    private readonly Dictionary<ContentKey, string> _constants = [];
    private readonly List<(RecurrentOp Op, CellSums Sums, IrNode Node)> _built = [];

    private CellFusion(IrGraph graph, IReadOnlyDictionary<string, string> carried)
    {
        _rewriter = new Rewriter(graph);
        _context = new CellContext(_rewriter, carried);
    }

    private IrGraph Graph => _rewriter.Graph;

    public static bool Run(IrGraph graph) => Run(graph, new Dictionary<string, string>());

    /// <param name="graph">The graph.</param>
    /// <param name="carried">In a loop's body: for each value that is carried into the next round, its value in this round.</param>
    public static bool Run(IrGraph graph, IReadOnlyDictionary<string, string> carried)
    {
        var fusion = new CellFusion(graph, carried);
        fusion.Run();
        if (fusion._built.Count > 0) graph.Order();
        return fusion._built.Count > 0;
    }

    private void Run()
    {
        var begun = new List<RecurrentCell>();
        foreach (var node in Graph.Nodes.ToList())
        {
            if (node.Op is not ("Add" or "Sub") || !_rewriter.IsFloat(node.Output(0))) continue;
            var cell = (node.Op == "Add" ? LstmCells.Match(node, _context) : null) ?? GruCells.Match(node, _context);
            if (cell is null) continue;
            if (cell.Sums.R is null) begun.Add(cell);
            else Build(cell, cell.Sums.R);
            if (cell.NextCell is not null) _context.Found(_context.Root(node.Output(0)), _context.Root(cell.NextHidden.Output(0)));
        }

        foreach (var (function, hidden) in _context.IsLoop ? Carried() : RnnChains())
        {
            if (RnnCells.Match(function, _context.Root(hidden), _context) is { Sums.R: { } r } cell) Build(cell, r);
        }

        // A first step with a zero state shows no R. It takes the R of a later step with the same W.
        foreach (var cell in begun)
        {
            var match = _built.Find(b => b.Op == cell.Op && b.Sums.W.AsSpan().SequenceEqual(cell.Sums.W) && b.Sums.B.AsSpan().SequenceEqual(cell.Sums.B));
            if (match.Sums is not null) Build(cell, match.Sums.R!);
        }

        // A first step with a zero cell state does not show its peepholes. It takes them from later steps.
        foreach (var (op, sums, node) in _built.Where(b => b.Op.HasCell && _rewriter.Constant(Root(b.Node.Input(6))) is { IsZero: true }))
        {
            var like = _built.Find(b => b.Node != node && b.Op == op && b.Node.Input(7).Length > 0 && b.Sums.W.AsSpan().SequenceEqual(sums.W) && b.Sums.R.AsSpan().SequenceEqual(sums.R) && b.Sums.B.AsSpan().SequenceEqual(sums.B));
            if (like.Node is not null && ShowsNoOther(node.Input(7), like.Node.Input(7))) node.SetInput(7, like.Node.Input(7));
        }
    }

    private string Root(string value) => value.Length == 0 ? "" : _context.Root(value);

    /// <summary>Whether all present peephole weights are equal to those of another cell.</summary>
    private bool ShowsNoOther(string peephole, string other)
    {
        if (peephole.Length == 0) return true;
        var (mine, theirs) = (_rewriter.Constant(peephole)!.ToFloats(), _rewriter.Constant(other)!.ToFloats());
        return mine.Zip(theirs).All(w => w.First == 0 || w.First == w.Second);
    }

    private List<(IrNode Function, string Hidden)> Carried() =>
        [.. _context.Carried.Where(c => Activations.Of(_rewriter, c.Key) is not null).Select(c => (_rewriter.Producer(c.Key)!, c.Value))];

    /// <summary>Chains of at least three activations through one square matrix. Without a loop, nothing else shows a simple recurrence.</summary>
    private List<(IrNode Function, string Hidden)> RnnChains()
    {
        var links = new List<(IrNode Function, string Hidden, ContentKey R)>();
        foreach (var node in Graph.Nodes.Where(n => n.Outputs.Count == 1 && Activations.Of(_rewriter, n.Output(0)) is not null))
        {
            if (_rewriter.Shape(node.Output(0)).Sizes is not [.., var units and > 0] || _context.GateOf(node.Output(0), units) is not { } gate || gate.Form.Products.Count < 2) continue;
            foreach (var product in gate.Form.Products.Where(p => p.Columns == units)) links.Add((node, product.Source, ContentKey.Of(units, units, product.Matrix)));
        }

        var steps = links.Where(l => links.Exists(before => before.R == l.R && before.Function.Output(0) == l.Hidden)).Select(l => l.R).ToList();
        return [.. links.Where(l => steps.Count(r => r == l.R) >= 2).Select(l => (l.Function, l.Hidden))];
    }

    private void Build(RecurrentCell cell, float[] recurrence)
    {
        var (sums, units) = (cell.Sums, cell.Units);
        var rows = sums.B.Length / 2;
        var before = cell.NextHidden;
        if (!HasRows(cell.Hidden, before) || !HasRows(cell.Cell, before)) return;
        var x = Joined(sums, before);
        var w = sums.Inputs.Count == 0 ? "" : Constant(sums.Names.W, [1, rows, sums.W.Length / rows], sums.W);
        var r = Constant(sums.Names.R.Length > 0 ? sums.Names.R : sums.Names.W, [1, rows, recurrence.Length / rows], recurrence);
        var b = Constant(sums.Names.W + ".bias", [1, 2 * rows], sums.B);
        var h = cell.Hidden.Length == 0 ? "" : State(cell.Hidden, before);
        List<string> inputs = [x, w, r, b, "", h];
        if (cell.Op.HasCell) inputs.AddRange([cell.Hidden.Length == 0 ? "" : State(cell.Cell, before), cell.Peephole is null ? "" : Constant(sums.Names.W + ".peephole", [1, cell.Peephole.Length], cell.Peephole), cell.Projection]);
        while (inputs[^1].Length == 0) inputs.RemoveAt(inputs.Count - 1);
        var node = new IrNode(before.Name, cell.Op.Name, inputs, ["", Graph.Fresh(before.Name)]) { Attributes = { ["hidden_size"] = (long)units } };
        if (cell.Op == RecurrentOp.Gru) node.Attributes["linear_before_reset"] = cell.IsResetAfter ? 1L : 0L;
        if (cell.IsCoupled) node.Attributes["input_forget"] = 1L;
        SetFunctions(node, cell.Functions);
        if (cell.NextCell is not null) node.Outputs.Add(Graph.Fresh(cell.NextCell.Name));
        Graph.Nodes.Insert(Graph.Nodes.IndexOf(before), node);
        Down(node, 1, recurrence.Length / rows, cell.NextHidden);
        if (cell.NextCell is not null) Down(node, 2, units, cell.NextCell);
        _built.Add((cell.Op, sums with { R = recurrence }, node));
    }

    /// <summary>The inputs concatenated, or the precomputed products in the layer's order, as [1, batch, inputs].</summary>
    private string Joined(CellSums sums, IrNode before)
    {
        if (sums.Inputs.Count > 0)
        {
            var parts = sums.Inputs.ConvertAll(i => Up(i, before));
            if (parts.Count == 1) return parts[0];
            var first = _rewriter.Shape(parts[0]);
            return _rewriter.Insert(before, "Concat", [.. parts], new IrShape(first.Type, [.. first.Sizes[..^1], parts.Sum(p => _rewriter.Shape(p).Sizes[^1])]), ("axis", -1L));
        }

        // W's product has the order of packed rows, where padding may hold anything. Its bias is included.
        var x = Up(sums.Made, before);
        var gates = sums.Starts.Length;
        var units = sums.B.Length / 2 / gates;
        var order = RecurrentForm.PackedOrder(gates, units);
        var places = Array.ConvertAll(order, row => row < 0 ? 0L : sums.Starts[row / units] + row % units);
        var bias = Array.ConvertAll(order, row => row < 0 ? 0 : sums.B[row]);
        var shape = new IrShape(ElementType.Float32, [.. _rewriter.Shape(x).Sizes[..^1], order.Length]);
        var made = _rewriter.Insert(before, "Gather", [x, Constant(sums.Made + ".order", IrTensor.Vector(places))], shape, ("axis", -1L));
        return Array.TrueForAll(bias, v => v == 0) ? made : _rewriter.Insert(before, "Add", [made, Constant(sums.Made + ".bias", [order.Length], bias)], shape);
    }

    /// <summary>Whether an initial state has a row for each batch, or one row that can be repeated because the batch is known.</summary>
    private bool HasRows(string state, IrNode before) =>
        state.Length == 0 || Rows(state) == Rows(before.Output(0)) || (Rows(state) == 1 && Rows(before.Output(0)) > 0 && _rewriter.Shape(state).Rank == 2);

    private int Rows(string value) => _rewriter.Shape(value).Sizes[..^1].Aggregate(1, (a, b) => a < 0 || b < 0 ? -1 : a * b);

    private string State(string value, IrNode before)
    {
        if (Rows(value) != Rows(before.Output(0)))
        {
            int[] shape = [Rows(before.Output(0)), _rewriter.Shape(value).Sizes[^1]];
            value = _rewriter.Insert(before, "Expand", [value, Constant(value + ".shape", IrTensor.Vector([.. shape.Select(s => (long)s)]))], new IrShape(ElementType.Float32, shape));
        }

        return Up(value, before);
    }

    private string Up(string value, IrNode before)
    {
        var shape = _rewriter.Shape(value);
        if (shape.Rank == 3 && shape.Sizes[0] == 1) return value;
        if (shape.Rank == 2) return _rewriter.Insert(before, "Unsqueeze", [value, Constant(value + ".axes", IrTensor.Vector(0))], new IrShape(shape.Type, [1, .. shape.Sizes]));
        var rows = shape.Sizes[..^1].Aggregate(1, (a, b) => a < 0 || b < 0 ? -1 : a * b);
        return _rewriter.Insert(before, "Reshape", [value, Constant(value + ".shape", IrTensor.Vector(1, -1, shape.Sizes[^1]))], new IrShape(shape.Type, [1, rows, shape.Sizes[^1]]));
    }

    /// <summary>Replaces a node's output by an output of the layer.</summary>
    private void Down(IrNode layer, int output, int size, IrNode by)
    {
        var shape = _rewriter.Shape(by.Output(0));
        var rows = shape.Sizes[..^1].Aggregate(1, (a, b) => a < 0 || b < 0 ? -1 : a * b);
        Graph.Shapes[layer.Outputs[output]] = new IrShape(shape.Type, [1, rows, size]);
        var node = shape.Rank == 2
            ? new IrNode($"{by.Name}.{output}", "Squeeze", [layer.Outputs[output], Constant(by.Name + ".axes", IrTensor.Vector(0))], by.Outputs)
            : new IrNode($"{by.Name}.{output}", "Reshape", [layer.Outputs[output], Constant(by.Name + ".shape", IrTensor.Vector([.. shape.Sizes.Select(s => (long)s)]))], by.Outputs);
        _rewriter.Replace(by, node);
    }

    private static void SetFunctions(IrNode node, Activated[] functions)
    {
        if (functions.Select(f => f.Name).SequenceEqual(node.Recurrent!.Activations)) return;
        node.Attributes["activations"] = Array.ConvertAll(functions, f => f.Name);
        node.Attributes["activation_alpha"] = functions.Where(f => RecurrentForm.TakesAlpha(f.Name)).Select(f => f.Alpha).ToArray();
        node.Attributes["activation_beta"] = functions.Where(f => RecurrentForm.TakesBeta(f.Name)).Select(f => f.Beta).ToArray();
    }

    private string Constant(string stem, int[] shape, float[] values) => Constant(stem, IrTensor.Of(shape, values.AsSpan()));

    /// <summary>Adds a constant, once for equal content.</summary>
    private string Constant(string stem, IrTensor tensor)
    {
        var key = ContentKey.Of(tensor);
        return _constants.TryGetValue(key, out var name) ? name : _constants[key] = Graph.Constant(stem, tensor);
    }
}
