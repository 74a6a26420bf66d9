using System.Text.Json;
using SeqRuntime.Perf.Commands;

namespace SeqRuntime.Perf.Gate;

/// <summary>What the gate compares with: committed as <c>perf/baseline.json</c>, written by <c>perf gate --update</c>.</summary>
/// <param name="Tolerance">Part by which a ratio may exceed its baseline.</param>
/// <param name="Tolerances">The same for single cases: those whose weights lie beyond the nearer caches meet the neighbours of this machine.</param>
/// <param name="SizeTolerance">Part by which a binary may exceed its recorded size.</param>
/// <param name="FirstResultMicroseconds">Longest time from the first statement of a program to its first result, for a model of 1 MiB.</param>
/// <param name="FirstResultPages">The same as pages of memory touched for the first time: it may take as long as so many of them do, if that is longer.</param>
/// <param name="Sizes">Bytes of published binaries by folder and name: <c>linux-x64/NativeAotSample</c>.</param>
/// <param name="Ratios">By kernel path and processor, then by case: time of ours over that of its plain loop.</param>
internal sealed record Baseline(
    double Tolerance,
    SortedDictionary<string, double> Tolerances,
    double SizeTolerance,
    double FirstResultMicroseconds,
    double FirstResultPages,
    SortedDictionary<string, long> Sizes,
    SortedDictionary<string, SortedDictionary<string, double>> Ratios)
{
    /// <summary>Where nothing was recorded yet.</summary>
    public static Baseline Empty => new(0.20, new() { ["gru/256/fp32"] = 0.40, ["lstm/256/fp32"] = 0.40 }, 0.03, 1000, 140, [], []);

    /// <exception cref="InvalidDataException">The file is no baseline.</exception>
    public static Baseline Read(string path)
    {
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllText(path), JsonReports.Default.Baseline);
            return read is { Tolerance: > 0, Tolerances: not null, SizeTolerance: >= 0, FirstResultMicroseconds: > 0, FirstResultPages: >= 0, Sizes: not null, Ratios: not null }
                ? read
                : throw new InvalidDataException($"{path}: tolerance, tolerances, sizeTolerance, firstResultMicroseconds, firstResultPages, sizes and ratios must be there, and positive");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{path}: {fault.Message}", fault);
        }
    }

    /// <summary>Part by which a case may exceed its baseline.</summary>
    public double Allowed(string id) => Tolerances.GetValueOrDefault(id, Tolerance);

    /// <summary>How a ratio stands to what is recorded.</summary>
    public Verdict Judge(string key, string id, double ratio) =>
        !Ratios.TryGetValue(key, out var cases) || !cases.TryGetValue(id, out var recorded) ? new Verdict(null, null, true)
        : new Verdict(recorded, ratio / recorded - 1, ratio <= recorded * (1 + Allowed(id)));

    /// <summary>How a binary's size stands to what is recorded.</summary>
    public Verdict JudgeSize(string name, long bytes) =>
        !Sizes.TryGetValue(name, out var recorded) ? new Verdict(null, null, true)
        : new Verdict(recorded, (double)bytes / recorded - 1, bytes <= recorded * (1 + SizeTolerance));

    /// <summary>A copy in which these ratios, and these sizes, take the place of what was recorded of them.</summary>
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

/// <summary>What was recorded, the part by which the new figure exceeds it, and whether that may be.</summary>
internal sealed record Verdict(double? Recorded, double? Change, bool Passes);
