using System.Globalization;

namespace SeqRuntime.Converter.Measuring;

/// <summary>The largest error of outputs that was promised for a model: a percentage, which its metadata may hold.</summary>
internal static class Promise
{
    /// <summary>The entry of the metadata.</summary>
    public const string Key = "max-error";

    /// <summary>The error that a percentage such as 1% or 0.3% allows, as a ratio. Null if the text is no percentage above 0.</summary>
    public static double? Parse(string text) =>
        text.EndsWith('%') && double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && double.IsFinite(percent) && percent > 0 ? percent / 100 : null;

    /// <summary>The percentage of a ratio.</summary>
    public static string InWords(double ratio) => (ratio * 100).ToString("0.####", CultureInfo.InvariantCulture) + "%";
}
