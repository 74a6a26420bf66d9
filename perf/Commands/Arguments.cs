using System.CommandLine;
using System.Globalization;

namespace SeqRuntime.Perf.Commands;

/// <summary>Checks that several commands share.</summary>
internal static class Arguments
{
    /// <summary>Refuses smaller numbers.</summary>
    public static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && value < least) result.AddError($"{option.Name} {value}: it must be at least {least}");
    });

    /// <summary>Refuses what is no time to wait for.</summary>
    public static void Minutes(Option<double> option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 1 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var minutes) && minutes is not (> 0 and <= 1440)) result.AddError($"{option.Name} {minutes}: it must be over 0 and at most 1440");
    });
}
