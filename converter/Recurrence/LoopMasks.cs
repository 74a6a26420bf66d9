using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// States of a loop that a mask keeps unchanged in some rounds, as in Keras' masked layers: next = mask ? new : old, or the same as
/// a sum of products with a numeric mask. Finds them and makes the loop carry the new value, so that the cell can be recognized.
/// </summary>
internal sealed class LoopMasks
{
    private const int Depth = 24;

    /// <summary>Limit of the compared values.</summary>
    private const int MostCompared = 1 << 14;

    private readonly LoopBody _loop;
    private readonly Rewriter _rewriter;
    private readonly Dictionary<string, Selection> _states = [];
    private readonly Dictionary<string, Selection> _selections = [];

    private int _compared;

    private LoopMasks(LoopBody loop) => (_loop, _rewriter) = (loop, new Rewriter(loop.Graph));

    /// <summary>The mask of a round, [batch, 1] or [1, 1]. Empty if there is none.</summary>
    public string Mask { get; private set; } = "";

    /// <summary>Whether the mask is false for steps that count.</summary>
    public bool IsInverted { get; private set; }

    /// <summary>Finds the masked states of a loop's body.</summary>
    public static LoopMasks Find(LoopBody loop)
    {
        var masks = new LoopMasks(loop);
        masks.Find();
        return masks;
    }

    /// <summary>The masked state whose next value a node selects. Null if there is none.</summary>
    public Selection? SelectionOf(IrNode node) => _selections.GetValueOrDefault(node.Output(0));

    /// <summary>How a masked state is selected.</summary>
    public Selection SelectionOf(string state) => _states[state];

    /// <summary>Whether a state is masked.</summary>
    public bool Has(string state) => _states.ContainsKey(state);

    /// <summary>Whether a state only repeats a value in masked steps.</summary>
    public bool IsHeld(string state) => _states.TryGetValue(state, out var selection) && selection.IsHeld;

    /// <summary>Whether a node multiplies by the numeric mask, which gives zero in masked steps.</summary>
    public bool IsZeroElsewhere(IrNode node) =>
        Mask.Length > 0 && node.Op == "Mul" && node.Inputs.Exists(i => Truth(i) is { } truth && truth.IsInverted == IsInverted && AreAlike(truth.Value, Mask, 0));

    /// <summary>The results of a node that selects by the mask: in steps that count, and in masked steps. Null for another node.</summary>
    public (string Counting, string Other)? Choice(IrNode node)
    {
        if (Mask.Length == 0 || node.Op != "Where" || MaskOf(node.Input(0), node.Output(0)) is not { } mask || !AreAlike(mask.Value, Mask, 0)) return null;
        return mask.IsInverted == IsInverted ? (node.Input(1), node.Input(2)) : (node.Input(2), node.Input(1));
    }

    private void Find()
    {
        foreach (var (at, (name, value, _)) in _loop.States.Index())
        {
            if (_loop.Numbers.Varies(name) || _rewriter.Producer(Root(value)) is not { } node) continue;
            if (node.Op == "Add" && FromProducts(node) is { } choice) node = choice;
            if (node.Op != "Where" || MaskOf(node.Input(0), node.Output(0)) is not { } mask) continue;
            var (counting, other) = (node.Input(1), node.Input(2));
            var isInverted = mask.IsInverted;
            if (Root(counting) == name) (counting, other, isInverted) = (other, counting, !isInverted);
            if (Root(other) != name || Root(counting) == name || !_rewriter.SameShape(counting, node.Output(0))) continue;
            if (Mask.Length > 0 && (isInverted != IsInverted || !AreAlike(mask.Value, Mask, 0))) continue;
            (Mask, IsInverted) = (mask.Value, isInverted);
            _states[name] = _selections[node.Output(0)] = new Selection(name, at, node, counting);
        }

        if (_states.Count == 0) return;
        // Products that were a selection have no readers now.
        DeadCode.Remove(_loop.Graph);
        var context = new CellContext(new Rewriter(_loop.Graph), new Dictionary<string, string>());
        foreach (var selection in _states.Values)
        {
            selection.IsHeld = context.ReadersOf(selection.State).TrueForAll(reader => reader == selection.Node);
            _loop.SetNext(selection.Place, selection.Counting);
        }
    }

    /// <summary>Rewrites mask · new + (1 - mask) · old, with a mask made of truth values, as a selection.</summary>
    private IrNode? FromProducts(IrNode sum)
    {
        foreach (var (a, b) in Rewriter.Operands(sum))
        {
            if (_rewriter.Producer(Root(a), "Mul") is not { } counting || _rewriter.Producer(Root(b), "Mul") is not { } other) continue;
            foreach (var (mask, value) in Rewriter.Operands(counting))
            {
                foreach (var (rest, old) in Rewriter.Operands(other))
                {
                    if (Truth(mask) is not { } truth || Truth(rest) is not { } opposite || truth.IsInverted == opposite.IsInverted || !AreAlike(truth.Value, opposite.Value, 0)) continue;
                    if (!_rewriter.SameShape(value, sum.Output(0)) || !_rewriter.SameShape(old, sum.Output(0))) continue;
                    var choice = new IrNode(sum.Name, "Where", truth.IsInverted ? [truth.Value, old, value] : [truth.Value, value, old], sum.Outputs);
                    _rewriter.Replace(sum, choice);
                    return choice;
                }
            }
        }

        return null;
    }

    /// <summary>The truth values from which a value of 0 and 1 is made.</summary>
    private (string Value, bool IsInverted)? Truth(string value)
    {
        var isInverted = false;
        for (var steps = 0; steps < Depth && _rewriter.Producer(value) is { } node; steps++)
        {
            if (node.Op == "Cast")
            {
                var from = _rewriter.Shape(node.Input(0)).Type;
                if (from == ElementType.Bool) return (node.Input(0), isInverted);
                value = node.Input(0);
            }
            else if (node.Op == "Sub" && _rewriter.Scalar(node.Input(0)) == 1)
            {
                (value, isInverted) = (node.Input(1), !isInverted);
            }
            else
            {
                break;
            }
        }

        return null;
    }

    /// <summary>The part of a condition that is equal for all units of a row: [batch, 1] or [1, 1]. Null if it may differ.</summary>
    private (string Value, bool IsInverted)? MaskOf(string condition, string of)
    {
        var isInverted = false;
        var rank = _rewriter.Shape(of).Rank;
        for (var steps = 0; steps < Depth; steps++)
        {
            var shape = _rewriter.Shape(condition);
            var node = _rewriter.Producer(condition);
            if (node is { Op: "Not" } or { Op: "Cast" })
            {
                if (node.Op == "Not") isInverted = !isInverted;
                else if (shape.Type != ElementType.Bool || (_rewriter.Shape(node.Input(0)).Type != ElementType.Bool && Truth(node.Input(0)) is null)) return Row(condition);
                if (node.Op == "Not" || _rewriter.Shape(node.Input(0)).Type == ElementType.Bool)
                {
                    condition = node.Input(0);
                }
                else
                {
                    var truth = Truth(node.Input(0))!.Value;
                    (condition, isInverted) = (truth.Value, isInverted ^ truth.IsInverted);
                }
            }
            else if (node is { Op: "Expand" or "Tile" } && shape.Sizes is [.., > 1] && _rewriter.Shape(node.Input(0)).Sizes is [.., 1] && Rest(node.Input(0)).SequenceEqual(Rest(condition)))
            {
                condition = node.Input(0);
            }
            else
            {
                return Row(condition);
            }
        }

        return null;

        // All axes except the batch's are 1.
        (string, bool)? Row(string value)
        {
            var sizes = _rewriter.Shape(value).Sizes;
            if (sizes.Length > rank || (sizes.Length > 0 && sizes[^1] != 1) || sizes.SkipLast(2).Any(s => s != 1)) return null;
            return (value, isInverted);
        }

        int[] Rest(string value) => [.. _rewriter.Shape(value).Sizes.SkipLast(1).SkipWhile(s => s == 1)];
    }

    /// <summary>Whether two values are computed alike.</summary>
    private bool AreAlike(string a, string b, int depth)
    {
        // Views do not matter if the values before them are equal in shape.
        if (depth == 0) (a, b) = (Root(a), Root(b));
        if (a == b) return true;
        if (depth > Depth || ++_compared > MostCompared) return false;
        if (_rewriter.Producer(a) is not { } first || _rewriter.Producer(b) is not { } second) return AreEqual(a, b);
        if (first.Op != second.Op || first.Inputs.Count != second.Inputs.Count || first.Outputs.IndexOf(a) != second.Outputs.IndexOf(b) || !Stacking.AttributesEqual(first, second)) return false;
        return first.Inputs.Zip(second.Inputs).All(pair => AreAlike(pair.First, pair.Second, depth + 1));
    }

    private bool AreEqual(string a, string b) =>
        _rewriter.Constant(a) is { } first && _rewriter.Constant(b) is { } second && first.Type == second.Type && first.Shape.SequenceEqual(second.Shape) && first.Data.SequenceEqual(second.Data);

    private string Root(string value)
    {
        for (var steps = 0; steps < Depth && _rewriter.Producer(value) is { } node && (NoOps.IsView(node) || node.Op == "Identity"); steps++) value = node.Input(0);
        return value;
    }
}

/// <summary>A state that changes only in steps that count.</summary>
/// <param name="State">The state.</param>
/// <param name="Place">Its position among the loop's states.</param>
/// <param name="Node">The node that selects.</param>
/// <param name="Counting">The state's next value in steps that count.</param>
internal sealed record Selection(string State, int Place, IrNode Node, string Counting)
{
    /// <summary>Whether only the selection reads the state.</summary>
    public bool IsHeld { get; set; }
}
