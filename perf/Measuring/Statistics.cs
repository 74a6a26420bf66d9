namespace SeqRuntime.Perf.Measuring;

/// <summary>The statistics that reports use.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two middle values.</summary>
    public static double Median(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) throw new ArgumentException("The median of an empty list is undefined.");
        var sorted = Sorted(values);
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The smallest value that at least the share <paramref name="part"/> (0 to 1) of all values does not exceed (nearest rank, no interpolation).</summary>
    public static double Percentile(ReadOnlySpan<double> values, double part)
    {
        if (values.IsEmpty) throw new ArgumentException("A percentile of an empty list is undefined.");
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, 1);
        var rank = (int)Math.Ceiling(part * values.Length - 1e-9);
        return Sorted(values)[Math.Max(rank, 1) - 1];
    }

    private static double[] Sorted(ReadOnlySpan<double> values)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
