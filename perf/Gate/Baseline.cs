using System.Text.Json;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Perf.Commands;

namespace SeqRuntime.Perf.Gate;

/// <summary>The gate's baseline: committed as <c>perf/baseline.json</c>, written by <c>perf gate --update</c>.</summary>
/// <param name="Tolerance">The share by which a ratio may exceed its baseline.</param>
/// <param name="Tolerances">The same for single cases. Cases whose weights do not fit the nearer caches vary with other programs on the machine.</param>
/// <param name="SizeTolerance">The share by which a binary may exceed its recorded size.</param>
/// <param name="FirstResultMicroseconds">Longest time from the first statement of a program to its first result, for a model of 1 MiB.</param>
/// <param name="FirstResultPages">The same limit in new pages of memory: the first result may take as long as touching this many pages, if that is longer.</param>
/// <param name="Sizes">Bytes of published binaries by folder and name: <c>linux-x64/NativeAotSample</c>.</param>
/// <param name="Ratios">By kernel set and processor, then by case: our time over that of its plain loop.</param>
internal sealed record Baseline(
    double Tolerance,
    SortedDictionary<string, double> Tolerances,
    double SizeTolerance,
    double FirstResultMicroseconds,
    double FirstResultPages,
    SortedDictionary<string, long> Sizes,
    SortedDictionary<string, SortedDictionary<string, double>> Ratios)
{
    /// <summary>Least share by which a processor without a baseline may exceed the worst of the others. Recorded processors of one kind differ about as much.</summary>
    private const double LeastSpread = 1;

    private static string Reference => KernelRegistry.Portable.Name;

    /// <summary>A baseline without records.</summary>
    public static Baseline Empty => new(0.20, new() { ["gru/256/fp32"] = 0.40, ["lstm/256/fp32"] = 0.40 }, 0.03, 1000, 140, [], []);

    /// <exception cref="InvalidDataException">The file is not a baseline.</exception>
    public static Baseline Read(string path)
    {
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllText(path), JsonReports.Default.Baseline);
            return read is { Tolerance: > 0, Tolerances: not null, SizeTolerance: >= 0, FirstResultMicroseconds: > 0, FirstResultPages: >= 0, Sizes: not null, Ratios: not null }
                ? read
                : throw new InvalidDataException($"{path}: tolerance, tolerances, sizeTolerance, firstResultMicroseconds, firstResultPages, sizes and ratios must exist and be positive");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{path}: {fault.Message}", fault);
        }
    }

    /// <summary>The share by which a case may exceed its baseline.</summary>
    public double Allowed(string id) => Tolerances.GetValueOrDefault(id, Tolerance);

    /// <summary>
    /// Compares a ratio with the baseline. A processor that has none is held to the worst of the others, and may exceed it by as much more as they differ
    /// among themselves.
    /// </summary>
    public Verdict Judge(string key, string id, double ratio)
    {
        if (Ratios.TryGetValue(key, out var cases)) return cases.TryGetValue(id, out var own) ? Judge(ratio, own, Allowed(id), 0) : Verdict.New;
        var others = Others(key);
        var recorded = others.Select(other => other.GetValueOrDefault(id)).DefaultIfEmpty().Max();
        return recorded > 0 ? Judge(ratio, recorded, Allowed(id), Spread(others)) : Verdict.New;
    }

    /// <summary>Compares a binary's size with the baseline.</summary>
    public Verdict JudgeSize(string name, long bytes) => Sizes.TryGetValue(name, out var recorded) ? Judge(bytes, recorded, SizeTolerance, 0) : Verdict.New;

    /// <summary>The share by which a case of a processor without a baseline may exceed the worst of the others, beside the case's own tolerance.</summary>
    public double Spread(string key) => Spread(Others(key));

    private static Verdict Judge(double value, double recorded, double allowed, double spread) =>
        new(recorded, value / recorded - 1, value <= recorded * (1 + allowed) ? Standing.Fits : value <= recorded * (1 + allowed + spread) ? Standing.Unknown : Standing.Slower);

    /// <summary>The baselines that stand for a processor without one: those of its kernel set, or of every set if there are none. The portable set is no measure for others, nor they for it.</summary>
    private List<SortedDictionary<string, double>> Others(string key)
    {
        var set = SetOf(key);
        var alike = Ratios.Where(r => SetOf(r.Key) == set).Select(r => r.Value).ToList();
        return alike.Count > 0 || set == Reference ? alike : [.. Ratios.Where(r => SetOf(r.Key) != Reference).Select(r => r.Value)];
    }

    private static string SetOf(string key) => key.Split(' ')[0];

    /// <summary>The largest share by which two processors differ in a case; <see cref="LeastSpread"/> if fewer tell.</summary>
    private static double Spread(List<SortedDictionary<string, double>> others) => others
        .SelectMany(cases => cases)
        .GroupBy(c => c.Key, c => c.Value, (_, values) => values.Max() / values.Min() - 1)
        .Append(LeastSpread)
        .Max();

    /// <summary>A copy with these ratios and sizes instead of the recorded ones.</summary>
    public Baseline With(string key, IReadOnlyDictionary<string, double> ratios, IReadOnlyDictionary<string, long> sizes)
    {
        var all = new SortedDictionary<string, SortedDictionary<string, double>>(Ratios, StringComparer.Ordinal)
        {
            [key] = new(ratios.ToDictionary(r => r.Key, r => Math.Round(r.Value, 4)), StringComparer.Ordinal),
        };
        var newSizes = new SortedDictionary<string, long>(Sizes, StringComparer.Ordinal);
        foreach (var (name, bytes) in sizes) newSizes[name] = bytes;
        return this with { Ratios = all, Sizes = newSizes };
    }
}

/// <summary>What a new value is beside its baseline.</summary>
internal enum Standing
{
    /// <summary>Within the tolerance.</summary>
    Fits,

    /// <summary>Nothing is recorded.</summary>
    New,

    /// <summary>Beyond the tolerance, but within what processors differ: only a baseline of this processor could tell.</summary>
    Unknown,

    /// <summary>Worse than allowed.</summary>
    Slower,
}

/// <summary>The recorded value, the share by which the new value exceeds it, and what that means.</summary>
internal sealed record Verdict(double? Recorded, double? Change, Standing Standing)
{
    /// <summary>A value of which nothing is recorded.</summary>
    public static Verdict New { get; } = new(null, null, Standing.New);

    public bool Passes => Standing != Standing.Slower;
}
