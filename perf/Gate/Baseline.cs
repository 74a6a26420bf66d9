using System.Text.Json;
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

    /// <summary>Compares a ratio with the baseline.</summary>
    public Verdict Judge(string key, string id, double ratio) =>
        !Ratios.TryGetValue(key, out var cases) || !cases.TryGetValue(id, out var recorded) ? new Verdict(null, null, true)
        : new Verdict(recorded, ratio / recorded - 1, ratio <= recorded * (1 + Allowed(id)));

    /// <summary>Compares a binary's size with the baseline.</summary>
    public Verdict JudgeSize(string name, long bytes) =>
        !Sizes.TryGetValue(name, out var recorded) ? new Verdict(null, null, true)
        : new Verdict(recorded, (double)bytes / recorded - 1, bytes <= recorded * (1 + SizeTolerance));

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

/// <summary>The recorded value, the share by which the new value exceeds it, and whether that is allowed.</summary>
internal sealed record Verdict(double? Recorded, double? Change, bool Passes);
