using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>Einsum as sums, transposes and matrix products. Operands are multiplied in pairs; a letter is summed over as soon as nothing else needs it.</summary>
internal sealed class DecomposeEinsum
{
    /// <summary>The first of the letters for the dimensions that '...' stands for, counted from the last dimension.</summary>
    private const char Ellipsis = '\uE000';

    private const int LargestDiagonal = 1 << 14;
    private const int MostOperands = 64;

    private readonly IrNode _node;
    private readonly Evaluator _evaluator;
    private readonly Expansion _x;
    private readonly Dictionary<char, (int Size, string Value, int Axis)> _dimensions = [];

    private DecomposeEinsum(IrNode node, IrGraph graph, Evaluator evaluator) => (_node, _evaluator, _x) = (node, evaluator, new Expansion(node, graph));

    /// <summary>A value and a letter for each of its dimensions.</summary>
    private readonly record struct Operand(string Value, string Letters);

    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator) => new DecomposeEinsum(node, graph, evaluator).Nodes();

    private List<IrNode> Nodes()
    {
        var (operands, output) = Parse();
        foreach (var (value, letters) in operands)
        {
            var sizes = _evaluator.ShapeOf(value).Sizes;
            for (var axis = 0; axis < letters.Length; axis++)
            {
                if (!_dimensions.TryGetValue(letters[axis], out var known) || known.Size == 1) _dimensions[letters[axis]] = (sizes[axis], value, axis);
            }
        }

        operands = operands.ConvertAll(o => Diagonal(Narrow(o)));
        var result = operands[0];
        for (var i = 1; i < operands.Count; i++) result = Product(result, operands[i], output + string.Concat(operands.Skip(i + 1).Select(o => o.Letters)));
        return _x.Finish(Permuted(SumOut(result, output), output));
    }

    private (List<Operand> Operands, string Output) Parse()
    {
        var equation = _node.String("equation", "").Replace(" ", "", StringComparison.Ordinal);
        var sides = equation.Split("->");
        var terms = sides[0].Split(',');
        if (terms.Length > MostOperands) throw new UnsupportedException($"more than {MostOperands} operands are not supported");
        if (terms.Length != _node.Inputs.Count || sides.Length > 2) throw new ShapeFault($"the equation '{equation}' does not have {_node.Inputs.Count} operands.");
        var operands = terms.Select((term, i) => new Operand(_node.Input(i), Letters(term, _evaluator.ShapeOf(_node.Input(i))))).ToList();
        var all = string.Concat(operands.Select(o => o.Letters));
        var dots = new string([.. all.Where(c => c >= Ellipsis).Distinct().OrderDescending()]);
        var output = sides.Length > 1
            ? sides[1].Replace("...", dots, StringComparison.Ordinal)
            : dots + new string([.. all.Where(c => c < Ellipsis && all.Count(d => d == c) == 1).Order()]);
        if (output.Distinct().Count() != output.Length || !output.All(c => Has(all, c))) throw new ShapeFault($"the output of the equation '{equation}' has a letter twice, or one that no operand has.");
        return (operands, output);
    }

    private static string Letters(string term, IrShape shape)
    {
        var dots = term.IndexOf("...", StringComparison.Ordinal);
        if (dots >= 0)
        {
            var count = shape.Rank - (term.Length - 3);
            term = term[..dots] + new string([.. Enumerable.Range(0, Math.Max(0, count)).Select(i => (char)(Ellipsis + count - 1 - i))]) + term[(dots + 3)..];
        }

        if (term.Length != shape.Rank || !term.All(c => c >= Ellipsis || char.IsAsciiLetter(c))) throw new ShapeFault($"'{term}' does not describe a tensor of shape {shape}.");
        return term;
    }

    /// <summary>The operand without its dimensions of size 1 that broadcast against another operand.</summary>
    private Operand Narrow(Operand operand)
    {
        var sizes = _evaluator.ShapeOf(operand.Value).Sizes;
        var axes = Enumerable.Range(0, sizes.Length).Where(i => sizes[i] == 1 && _dimensions[operand.Letters[i]].Size != 1).ToArray();
        if (axes.Length == 0) return operand;
        var left = new string([.. operand.Letters.Where((_, i) => !axes.Contains(i))]);
        return new Operand(_x.Add("Squeeze", [operand.Value, _x.Vector(Array.ConvertAll(axes, a => (long)a))]), left);
    }

    /// <summary>The operand with each letter once. A repeated letter takes the diagonal: the elements with equal indices.</summary>
    private Operand Diagonal(Operand operand)
    {
        while (operand.Letters.FirstOrDefault(c => operand.Letters.Count(d => d == c) > 1) is var letter && letter != 0)
        {
            var size = _dimensions[letter].Size;
            if (size is < 0 or > LargestDiagonal) throw new UnsupportedException($"the size of a diagonal must be fixed, and at most {LargestDiagonal}");
            var first = operand.Letters.IndexOf(letter, StringComparison.Ordinal);
            var second = operand.Letters.IndexOf(letter, first + 1);
            var others = Enumerable.Range(0, operand.Letters.Length).Where(i => i != first && i != second).ToArray();
            var moved = _x.Add("Transpose", [operand.Value], ("perm", (long[])[.. others.Select(i => (long)i), first, second]));
            var rows = _x.Add("Reshape", [moved, _x.Vector([.. others.Select(_ => 0L), (long)size * size])]);
            var diagonal = _x.Add("Gather", [rows, _x.Vector([.. Enumerable.Range(0, size).Select(i => i * (size + 1L))])], ("axis", (long)others.Length));
            operand = new Operand(diagonal, new string([.. others.Select(i => operand.Letters[i]), letter]));
        }

        return operand;
    }

    /// <summary>The product of two operands, with the <paramref name="needed"/> letters.</summary>
    private Operand Product(Operand a, Operand b, string needed)
    {
        a = SumOut(a, needed + b.Letters);
        b = SumOut(b, needed + a.Letters);
        var batch = Only(a.Letters, c => Has(b.Letters, c) && Has(needed, c));
        var contracted = Only(a.Letters, c => Has(b.Letters, c) && !Has(needed, c));
        var freeA = Only(a.Letters, c => !Has(b.Letters, c));
        var freeB = Only(b.Letters, c => !Has(a.Letters, c));
        var result = batch + freeA + freeB;
        if (contracted.Length == 0)
        {
            var left = Spread(Permuted(a, batch + freeA), batch.Length + freeA.Length, freeB.Length);
            return new Operand(_x.Add("Mul", [left, Spread(Permuted(b, batch + freeB), batch.Length, freeA.Length)]), result);
        }

        // Without a batch, a product keeps the leading dimensions of A.
        var rows = batch.Length == 0 && freeA.Length > 0 ? freeA.Select(c => $"{c}") : [freeA];
        var x = Merged(Permuted(a, batch + freeA + contracted), [.. batch.Select(c => $"{c}"), .. rows, contracted]);
        var y = Merged(Permuted(b, batch + contracted + freeB), [.. batch.Select(c => $"{c}"), contracted, freeB]);
        var product = _x.Add("MatMul", [x, y]);
        var isPlain = freeB.Length == 1 && (freeA.Length == 1 || (batch.Length == 0 && freeA.Length > 0));
        return new Operand(isPlain ? product : _x.Add("Reshape", [product, Shape([.. result.Select((c, i) => i < batch.Length ? "" : $"{c}")])]), result);
    }

    private string Spread(string value, int at, int count) => count == 0 ? value : _x.Add("Unsqueeze", [value, _x.Vector([.. Enumerable.Range(at, count).Select(i => (long)i)])]);

    /// <summary>The value reshaped so that each group of letters is one dimension.</summary>
    private string Merged(string value, string[] groups) => Array.TrueForAll(groups, g => g.Length == 1) ? value : _x.Add("Reshape", [value, Shape(groups, keepLeading: true)]);

    /// <summary>A shape with one dimension for each group of letters. Leading dimensions are copied if they do not change, or if they have no letters and <paramref name="keepLeading"/> is false.</summary>
    private string Shape(string[] groups, bool keepLeading = false)
    {
        var isLeading = true;
        var sizes = new long[groups.Length];
        for (var i = 0; i < groups.Length; i++)
        {
            isLeading &= keepLeading ? groups[i].Length == 1 : groups[i].Length == 0;
            sizes[i] = isLeading ? 0 : groups[i].Any(c => _dimensions[c].Size < 0) ? -1 : groups[i].Aggregate(1L, (p, c) => p * _dimensions[c].Size is <= int.MaxValue and var product ? product : throw new ShapeFault("the product of its operands has more elements than a tensor can have."));
        }

        if (sizes.Count(s => s < 0) <= 1) return _x.Vector(sizes);
        return _x.Add("Concat", [.. groups.Select((g, i) => sizes[i] >= 0 ? _x.Vector(sizes[i]) : g.Select(Size).Aggregate((p, c) => _x.Add("Mul", [p, c])))], ("axis", 0L));
    }

    private string Size(char letter)
    {
        var (size, value, axis) = _dimensions[letter];
        return size >= 0 ? _x.Vector(size) : _x.Add("Shape", [value], ("start", (long)axis), ("end", axis + 1L));
    }

    /// <summary>Sums over the letters that nothing needs.</summary>
    private Operand SumOut(Operand operand, string needed)
    {
        var axes = Enumerable.Range(0, operand.Letters.Length).Where(i => !Has(needed, operand.Letters[i])).Select(i => (long)i).ToArray();
        return axes.Length == 0 ? operand : new Operand(_x.Add("ReduceSum", [operand.Value, _x.Vector(axes)], ("keepdims", 0L)), Only(operand.Letters, c => Has(needed, c)));
    }

    private string Permuted(Operand operand, string to) =>
        operand.Letters == to ? operand.Value : _x.Add("Transpose", [operand.Value], ("perm", to.Select(c => (long)operand.Letters.IndexOf(c, StringComparison.Ordinal)).ToArray()));

    private static bool Has(string letters, char letter) => letters.Contains(letter, StringComparison.Ordinal);

    private static string Only(string letters, Func<char, bool> wanted) => new([.. letters.Where(wanted)]);
}
