namespace SeqRuntime.Converter.Graph;

/// <summary>Einsum of one or two operands, without repeated letters in one operand: sums, transposes and one matrix product.</summary>
internal static class DecomposeEinsum
{
    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var (terms, output) = Parse(node.String("equation", ""));
        if (terms.Length != node.Inputs.Count || terms.Length is < 1 or > 2) throw new UnsupportedException($"Einsum of {node.Inputs.Count} operands is not supported; write it as matrix products");
        foreach (var term in terms.Append(output))
        {
            if (term.Distinct().Count() != term.Length || term.Any(c => !char.IsAsciiLetter(c)) || (term != output && !output.All(c => terms.Any(t => t.Contains(c, StringComparison.Ordinal)))))
                throw new UnsupportedException($"the equation '{node.String("equation", "")}' (repeated letters or '...') is not supported; write it as matrix products");
        }

        var x = new Expansion(node, graph);
        var sizes = new Dictionary<char, int>();
        for (var i = 0; i < terms.Length; i++)
        {
            var shape = evaluator.ShapeOf(node.Input(i));
            if (shape.Rank != terms[i].Length) throw new ArgumentException($"'{terms[i]}' stands for a tensor of shape {shape}.");
            for (var d = 0; d < shape.Rank; d++) sizes[terms[i][d]] = shape.Sizes[d];
        }

        if (terms.Length == 1)
        {
            var (summed, left) = SumOut(x, node.Input(0), terms[0], output);
            return x.Finish(Permuted(x, summed, left, output));
        }

        return x.Finish(Product(x, node, terms, output, sizes));
    }

    private static string Product(Expansion x, IrNode node, string[] terms, string output, Dictionary<char, int> sizes)
    {
        var (a, lettersA) = SumOut(x, node.Input(0), terms[0], output + terms[1]);
        var (b, lettersB) = SumOut(x, node.Input(1), terms[1], output + terms[0]);
        var batch = Only(lettersA, c => Has(lettersB, c) && Has(output, c));
        var contracted = Only(lettersA, c => Has(lettersB, c) && !Has(output, c));
        var freeA = Only(lettersA, c => !Has(lettersB, c));
        var freeB = Only(lettersB, c => !Has(lettersA, c));
        a = Merged(x, Permuted(x, a, lettersA, batch + freeA + contracted), batch.Length, freeA, contracted, sizes);
        b = Merged(x, Permuted(x, b, lettersB, batch + contracted + freeB), batch.Length, contracted, freeB, sizes);
        var product = x.Add("MatMul", [a, b]);
        long[] shape = [.. batch.Select(_ => 0L), .. freeA.Select(c => (long)sizes[c]), .. freeB.Select(c => (long)sizes[c])];
        if (shape.Count(s => s < 0) > 1) throw new UnsupportedException("more than one free dimension is symbolic; fix them with --dim");
        return Permuted(x, x.Add("Reshape", [product, x.Vector(shape)]), batch + freeA + freeB, output);
    }

    private static bool Has(string letters, char letter) => letters.Contains(letter, StringComparison.Ordinal);

    private static string Only(string letters, Func<char, bool> wanted) => new([.. letters.Where(wanted)]);

    /// <summary>Sums over the letters that <paramref name="needed"/> lacks.</summary>
    private static (string Value, string Letters) SumOut(Expansion x, string value, string letters, string needed)
    {
        var axes = Enumerable.Range(0, letters.Length).Where(i => !Has(needed, letters[i])).Select(i => (long)i).ToArray();
        return axes.Length == 0 ? (value, letters) : (x.Add("ReduceSum", [value, x.Vector(axes)], ("keepdims", 0L)), Only(letters, c => Has(needed, c)));
    }

    private static string Permuted(Expansion x, string value, string from, string to) =>
        from == to ? value : x.Add("Transpose", [value], ("perm", to.Select(c => (long)from.IndexOf(c, StringComparison.Ordinal)).ToArray()));

    /// <summary>Reshapes [batch…, first…, second…] to [batch…, Π first, Π second].</summary>
    private static string Merged(Expansion x, string value, int batch, string first, string second, Dictionary<char, int> sizes)
    {
        if (first.Length == 1 && second.Length == 1) return value;
        long Size(string letters) => letters.Any(c => sizes[c] < 0) ? -1 : letters.Aggregate(1L, (p, c) => p * sizes[c]);
        long[] shape = [.. Enumerable.Repeat(0L, batch), Size(first), Size(second)];
        if (shape.Count(s => s < 0) > 1) throw new UnsupportedException("more than one merged dimension is symbolic; fix them with --dim");
        return x.Add("Reshape", [value, x.Vector(shape)]);
    }

    private static (string[] Terms, string Output) Parse(string equation)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length > 1) return (terms, sides[1]);
        var all = string.Concat(terms);
        return (terms, new string([.. all.Distinct().Where(c => all.Count(d => d == c) == 1).Order()]));
    }
}
