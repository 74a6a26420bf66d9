using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>Formats numbers, shapes and tables for reports.</summary>
internal static class Text
{
    /// <summary>A size such as 1.9 MiB or 512 B.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024.0):0.00} MiB"),
    };

    public static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    /// <summary>A number of three digits.</summary>
    public static string Short(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    public static string Percent(double ratio) => ratio.ToString("0.###%", CultureInfo.InvariantCulture);

    /// <summary>A shape such as [1, T, 257].</summary>
    public static string Shape<T>(IEnumerable<T> dimensions) => $"[{string.Join(", ", dimensions)}]";

    /// <summary>A count such as 1 graph or 2 graphs.</summary>
    public static string Count(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    /// <summary>Writes rows with aligned columns.</summary>
    public static void Table(TextWriter output, string indent, IReadOnlyList<string[]> rows)
    {
        if (rows.Count == 0) return;
        var widths = new int[rows[0].Length];
        foreach (var row in rows)
        {
            for (var i = 0; i < widths.Length; i++) widths[i] = Math.Max(widths[i], row[i].Length);
        }

        foreach (var row in rows)
            output.WriteLine((indent + string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i])))).TrimEnd());
    }
}
