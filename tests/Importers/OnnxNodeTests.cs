namespace SeqRuntime.Tests.Importers;

/// <summary>ONNX's own operator vectors through importer, file and runtime. <see cref="OnnxExclusions"/> lists the excluded ones with their reasons.</summary>
public class OnnxNodeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("onnx-node-tests")]
    [InlineData("onnx-node-tests-attention")]
    public void Every_vector_passes_or_is_excluded_for_a_reason(string set)
    {
        var faults = new List<string>();
        var passed = 0;
        var excluded = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var folders = Directory.GetDirectories(Models.Need(set)).Order(StringComparer.Ordinal).ToList();
        foreach (var folder in folders)
        {
            var name = Path.GetFileName(folder);
            var reason = OnnxExclusions.Reason(name);
            var fault = Outcome(folder);
            if (reason is null && fault is null) passed++;
            else if (reason is null) faults.Add($"{name}: {fault}");
            else if (fault is null) faults.Add($"{name} passes, but is excluded: {reason}");
            else excluded[reason] = excluded.GetValueOrDefault(reason) + 1;
        }

        output.WriteLine($"{folders.Count} vectors: {passed} pass, {excluded.Values.Sum()} are excluded:");
        foreach (var (reason, count) in excluded) output.WriteLine($"  {count,3} {reason}");
        Assert.True(faults.Count == 0, $"{faults.Count} vectors:\n{string.Join('\n', faults)}");
    }

    [Fact]
    public void Every_exclusion_matches_a_vector()
    {
        var names = new[] { "onnx-node-tests", "onnx-node-tests-attention" }.SelectMany(set => Directory.GetDirectories(Models.Need(set))).Select(Path.GetFileName).ToList();
        foreach (var pattern in OnnxExclusions.Patterns) Assert.True(names.Exists(name => OnnxExclusions.Matches(pattern, name!)), $"exclusion '{pattern}' matches no vector");
    }

    private static string? Outcome(string folder)
    {
        try
        {
            return new OnnxVector(folder).Run();
        }
        catch (Converter.ConversionException fault)
        {
            return fault.Message;
        }
    }
}
