namespace SeqRuntime.Perf.Measuring;

/// <summary>The few statistics that the reports use.</summary>
internal static class Statistics
{
    /// <summary>Middle value; of an even number the mean of the two in the middle.</summary>
    public static double Median(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) throw new ArgumentException("The median of nothing is not defined.");
        var sorted = Sorted(values);
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The smallest value that at least the share <paramref name="part"/> (0 to 1) of all values does not pass: nearest rank, never interpolated.</summary>
    public static double Percentile(ReadOnlySpan<double> values, double part)
    {
        if (values.IsEmpty) throw new ArgumentException("A percentile of nothing is not defined.");
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
