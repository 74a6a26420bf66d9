using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>
/// The modules of a Transformer's block, told by the usual words in their names and by their shapes: two norms, projections of queries, keys and values
/// (apart, for each head, or in one matrix), the projection of the results, and two or three inner layers. Names are relative to the block.
/// </summary>
internal sealed partial record BlockNames
{
    /// <summary>The norm of the attention, and that of the inner layers.</summary>
    public required string[] Norms { get; init; }

    /// <summary>Whether the names tell which norm is the attention's.</summary>
    public required bool AreNormsTold { get; init; }

    /// <summary>Those of queries, keys and values, or one for all three. A star stands for the number of a head.</summary>
    public required string[] Projections { get; init; }

    /// <summary>The projection of the heads' results.</summary>
    public required string Out { get; init; }

    /// <summary>Gate, up and down, or the two layers.</summary>
    public required string[] Inner { get; init; }

    /// <summary>Whether the names tell which of two inner layers is the gate.</summary>
    public bool IsGateTold => !IsGated || (Gate().IsMatch(Inner[0]) && !Gate().IsMatch(Inner[1]) && (!First().IsMatch(Inner[0]) || (Third().IsMatch(Inner[1]) && Down().IsMatch(Inner[2]))));

    /// <summary>Whether matrices are [inputs, outputs], as in Hugging Face's Conv1D.</summary>
    public bool IsTurned { get; init; }

    public bool IsFused => Projections.Length == 1;

    public bool IsApart => Projections[0].Contains('*', StringComparison.Ordinal);

    public bool IsGated => Inner.Length == 3;

    /// <summary>Null if the modules are no such block.</summary>
    /// <param name="weights">The weights of a block's modules by their names in it.</param>
    public static BlockNames? Of(IReadOnlyDictionary<string, IReadOnlyList<int>> weights)
    {
        string[] norms = [.. weights.Where(weight => weight.Value.Count == 1 && !InnerNorm().IsMatch(weight.Key)).Select(weight => weight.Key).Order(StringComparer.Ordinal)];
        var matrices = weights.Where(weight => weight.Value.Count == 2).Select(weight => weight.Key).ToList();
        if (norms.Length != 2 || weights[norms[0]][0] != weights[norms[1]][0]) return null;
        var width = weights[norms[0]][0];
        if (Projected(matrices, weights, width) is not { } projections) return null;
        var stem = projections[0].Contains('*', StringComparison.Ordinal) ? Parent(Parent(projections[0])) : Parent(projections[0]);
        var left = matrices.Where(name => !Array.Exists(projections, projection => Matches(name, projection))).ToList();
        // The results' projection is beside the others, or one level above.
        var results = left.FindAll(name => stem.Length > 0 && name.StartsWith(stem + ".", StringComparison.Ordinal));
        if (results.Count == 0 && Parent(stem) is { Length: > 0 } above) results = left.FindAll(name => name.StartsWith(above + ".", StringComparison.Ordinal));
        if (results.Count == 0) results = left.FindAll(name => Result().IsMatch(name));
        if (results is not [var result]) return null;
        left.Remove(result);
        var isTurned = projections.Length == 1 && weights[projections[0]] is [var rows, var columns] && columns == 3L * rows;
        var told = BlockNorms.Ordered(norms[0], norms[1]);
        return Ordered(left, weights, width, isTurned) is { } inner ? new BlockNames { Norms = told ?? norms, AreNormsTold = told is not null, Projections = projections, Out = result, Inner = inner, IsTurned = isTurned } : null;
    }

    private static string[]? Projected(List<string> matrices, IReadOnlyDictionary<string, IReadOnlyList<int>> weights, int width)
    {
        string[] found = [.. ((Regex[])[Query(), Key(), Value()]).Select(part => matrices.FindAll(name => part.IsMatch(name))).Where(names => names.Count > 0).Select(names => names[0])];
        if (found.Length == 3)
        {
            // A number between the names of one list and its projections is that of a head.
            var heads = Array.ConvertAll(found, name => HeadNumber().Match(name));
            if (Array.TrueForAll(heads, head => head.Success)) return [.. found.Select((name, i) => $"{name[..heads[i].Groups["head"].Index]}*{name[(heads[i].Groups["head"].Index + heads[i].Groups["head"].Length)..]}")];
            return Array.Exists(heads, head => head.Success) || ((Regex[])[Query(), Key(), Value()]).Any(part => matrices.Count(name => part.IsMatch(name)) > 1) ? null : found;
        }

        var fused = matrices.FindAll(name => Fused().IsMatch(name) && weights[name] is [var rows, var columns] && Math.Max(rows, columns) == 3L * width && Math.Min(rows, columns) == width);
        return found.Length == 0 && fused is [var one] ? [one] : null;
    }

    /// <summary>The inner layers in the order in which they are called.</summary>
    private static string[]? Ordered(List<string> left, IReadOnlyDictionary<string, IReadOnlyList<int>> weights, int width, bool isTurned)
    {
        int Taken(string name) => weights[name][isTurned ? 0 : 1];
        int Given(string name) => weights[name][isTurned ? 1 : 0];
        var down = left.FindAll(name => Given(name) == width && Taken(name) != width);
        if (down.Count == 0) down = left.FindAll(name => Down().IsMatch(name));
        if (down.Count == 0 && left.Count == 2) down = [left.Order(StringComparer.Ordinal).Last()];
        if (down is not [var last]) return null;
        var first = left.FindAll(name => name != last);
        if (first.Exists(name => Taken(name) != width || Given(name) != Taken(last))) return null;
        if (first.Count == 1) return [first[0], last];
        return first.Count == 2 && first.Exists(name => Gate().IsMatch(name)) ? [.. first.OrderByDescending(name => Gate().IsMatch(name)).ThenBy(name => name, StringComparer.Ordinal), last] : null;
    }

    private static string Parent(string name) => name.LastIndexOf('.') is > 0 and var dot ? name[..dot] : "";

    /// <summary>Whether a name is that of a projection, whose head may be a star.</summary>
    private static bool Matches(string name, string projection) =>
        projection.Split('*') is not [var front, var back] ? name == projection
        : name.Length > front.Length + back.Length && name.StartsWith(front, StringComparison.Ordinal) && name.EndsWith(back, StringComparison.Ordinal) && name.AsSpan(front.Length..^back.Length).IndexOfAnyExceptInRange('0', '9') < 0;

    [GeneratedRegex(@"(^|[._])(q|w_?q|query|queries|to_q|q_proj|q_linear|linear_q|query_proj|query_layer|fc_q)$", RegexOptions.IgnoreCase)]
    private static partial Regex Query();

    [GeneratedRegex(@"(^|[._])(k|w_?k|key|keys|to_k|k_proj|k_linear|linear_k|key_proj|key_layer|fc_k)$", RegexOptions.IgnoreCase)]
    private static partial Regex Key();

    [GeneratedRegex(@"(^|[._])(v|w_?v|value|values|to_v|v_proj|v_linear|linear_v|value_proj|value_layer|fc_v)$", RegexOptions.IgnoreCase)]
    private static partial Regex Value();

    [GeneratedRegex(@"(^|[._])(c_attn|w?qkv|w_qkv|to_qkv|qkv_proj|in_proj)$", RegexOptions.IgnoreCase)]
    private static partial Regex Fused();

    [GeneratedRegex(@"(^|[._])(w_?o|o_proj|out_proj|out|fc_o|fc_out|out_linear|linear_out|to_out|to_out\.0)$", RegexOptions.IgnoreCase)]
    private static partial Regex Result();

    [GeneratedRegex(@"(^|[._])(gate|gate_proj|w_?1|w_gate|linear_gate)$", RegexOptions.IgnoreCase)]
    private static partial Regex Gate();

    [GeneratedRegex(@"(^|[._])w_?1$", RegexOptions.IgnoreCase)]
    private static partial Regex First();

    [GeneratedRegex(@"(^|[._])w_?3$", RegexOptions.IgnoreCase)]
    private static partial Regex Third();

    [GeneratedRegex(@"(^|[._])(down|down_proj|linear_down|c_proj|w_?2|w_down)$", RegexOptions.IgnoreCase)]
    private static partial Regex Down();

    [GeneratedRegex(@"\.(?<head>\d+)\.[^.]+$")]
    private static partial Regex HeadNumber();

    [GeneratedRegex(@"(^|[._])(q|k)_?(layer)?norm$", RegexOptions.IgnoreCase)]
    private static partial Regex InnerNorm();
}
