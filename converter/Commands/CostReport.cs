namespace SeqRuntime.Converter.Commands;

/// <summary>What a file stores besides the sources' numbers, in bytes, and the names that share a tensor.</summary>
/// <param name="Padding">Padding of matrices to a multiple of 4 rows, with the scales of these rows.</param>
/// <param name="IndexTables">Tables of indices.</param>
/// <param name="TokenTables">Tables of a layer's products with every token, which replace an embedding and a matrix.</param>
/// <param name="Copies">Tensors that are stored in a second format.</param>
/// <param name="Copied">Names of these tensors.</param>
/// <param name="Turned">Bytes of transposed copies: one product reads the matrix as it is and another reads it transposed.</param>
/// <param name="TurnedRound">Names of the transposed copies and their matrices.</param>
/// <param name="Shared">Tensors with several names in the sources. The file's name comes first.</param>
internal sealed record CostReport(long Padding, long IndexTables, long TokenTables, long Copies, IReadOnlyList<string> Copied, long Turned, IReadOnlyList<string> TurnedRound, IReadOnlyList<IReadOnlyList<string>> Shared)
{
    /// <summary>Smaller tables of indices are shapes and axes and are not counted.</summary>
    private const int LeastTable = 64;

    private const int Shown = 8;

    public static CostReport? From(IReadOnlyList<ConvertedTensor> tensors)
    {
        var copies = tensors.Where(t => t.IsCopy).ToList();
        var turned = tensors.Where(t => t.TurnedOf is not null).ToList();
        var report = new CostReport(
            tensors.Sum(t => t.Padding),
            tensors.Where(t => t.Format is "int32" or "int64" && t.Count >= LeastTable).Sum(t => t.Bytes),
            tensors.Where(t => t.IsTokenTable).Sum(t => t.Bytes),
            copies.Sum(t => t.Bytes),
            [.. copies.Select(t => t.Name)],
            turned.Sum(t => t.Bytes),
            [.. turned.Select(t => $"{t.Name} of {t.TurnedOf}")],
            [.. tensors.Where(t => t.Weights is not null && t.Also is { Count: > 0 }).Select(t => t.Names.ToList())]);
        return report is { Padding: 0, IndexTables: 0, TokenTables: 0, Copies: 0, Turned: 0, Shared.Count: 0 } ? null : report;
    }

    public void Print(TextWriter output)
    {
        List<string> costs = [];
        if (Padding > 0) costs.Add($"rows padded to 4 {Text.Bytes(Padding)}");
        if (IndexTables > 0) costs.Add($"tables of indices {Text.Bytes(IndexTables)}");
        if (TokenTables > 0) costs.Add($"tables of products with all tokens {Text.Bytes(TokenTables)}");
        if (Copies > 0) costs.Add($"stored in two formats {Text.Bytes(Copies)} ({string.Join(", ", Copied.Select(c => $"'{c}'"))})");
        if (Turned > 0) costs.Add($"matrices also stored transposed {Text.Bytes(Turned)} ({string.Join(", ", TurnedRound.Select(t => $"'{t}'"))})");
        if (costs.Count > 0) output.WriteLine($"besides the weights: {string.Join("; ", costs)}");
        foreach (var names in Shared.Take(Shown)) output.WriteLine($"'{names[0]}' is stored once and also serves {string.Join(", ", names.Skip(1).Select(n => $"'{n}'"))}");
        if (Shared.Count > Shown) output.WriteLine($"and {Shared.Count - Shown} more tensors with several names: --json lists all");
    }
}
