using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// Scores computed as K·Qᵀ and transposed after their softmax become Q·Kᵀ: (A·B)ᵀ = Bᵀ·Aᵀ. Every number stays the same, and the transposes of the
/// operands merge with those that made them. The softmax then runs along rows.
/// </summary>
internal static class TransposeFusion
{
    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op == "Transpose" && SwapsLast(node, rewriter)) Move(node, rewriter);
        }

        return rewriter.HasChanged;
    }

    private static void Move(IrNode transpose, Rewriter rewriter)
    {
        var rank = rewriter.Shape(transpose.Input(0)).Rank;
        var chain = new Stack<IrNode>();
        var product = rewriter.OnlyFor(transpose.Input(0));
        while (product is not null && Passes(product, rank, rewriter) is { } input)
        {
            chain.Push(product);
            product = rewriter.OnlyFor(input);
        }

        if (product is not { Op: "MatMul" } || !IsTransposed(product.Input(0), rank, rewriter) || !IsTransposed(product.Input(1), rank, rewriter)) return;
        var value = rewriter.Insert(transpose, "MatMul", [Swapped(product.Input(1)), Swapped(product.Input(0))], Turned(rewriter.Shape(product.Output(0))));
        while (chain.TryPop(out var node))
        {
            var inputs = node.Inputs.Select(input => rewriter.Constant(input) is null ? value : input).ToArray();
            var attributes = node.Op == "Softmax" ? new[] { ("axis", (object)(long)(2 * rank - 3 - Axis(node, rank))) } : [];
            value = rewriter.Insert(transpose, node.Op, inputs, Turned(rewriter.Shape(node.Output(0))), attributes);
        }

        rewriter.Bypass(transpose, value);

        string Swapped(string operand) => rewriter.Insert(transpose, "Transpose", [operand], Turned(rewriter.Shape(operand)), ("perm", Permutation(rank)));
    }

    /// <summary>The input of a node that computes the same whether its last two dimensions are exchanged before or after it.</summary>
    private static string? Passes(IrNode node, int rank, Rewriter rewriter)
    {
        if (node.Op == "Softmax") return Axis(node, rank) >= rank - 2 ? node.Input(0) : null;
        if (node.Op is not ("Mul" or "Div" or "Add" or "Sub")) return null;
        foreach (var (value, constant) in Rewriter.Operands(node))
        {
            if (rewriter.Constant(constant) is { Count: 1 } && rewriter.Constant(value) is null) return rewriter.Shape(value).Rank == rank ? value : null;
        }

        return null;
    }

    private static int Axis(IrNode softmax, int rank) => softmax.Int32("axis", -1) is var axis && axis < 0 ? axis + rank : axis;

    /// <summary>Whether another transpose made an operand, so that one more costs nothing.</summary>
    private static bool IsTransposed(string value, int rank, Rewriter rewriter) => rewriter.Shape(value).Rank == rank && rewriter.OnlyFor(value, "Transpose") is not null;

    private static bool SwapsLast(IrNode node, Rewriter rewriter)
    {
        var rank = rewriter.Shape(node.Input(0)).Rank;
        return rank >= 2 && node.Ints("perm") is var perm && (perm.Length > 0 ? perm.AsSpan().SequenceEqual(Permutation(rank)) : rank == 2);
    }

    /// <summary>The permutation that exchanges the last two dimensions.</summary>
    private static long[] Permutation(int rank)
    {
        long[] permutation = [.. Enumerable.Range(0, rank)];
        (permutation[^1], permutation[^2]) = (permutation[^2], permutation[^1]);
        return permutation;
    }

    private static IrShape Turned(IrShape shape)
    {
        int[] sizes = [.. shape.Sizes];
        (sizes[^1], sizes[^2]) = (sizes[^2], sizes[^1]);
        return shape with { Sizes = sizes };
    }
}
