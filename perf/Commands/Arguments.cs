using System.CommandLine;

namespace SeqRuntime.Perf.Commands;

/// <summary>Checks that several commands share.</summary>
internal static class Arguments
{
    /// <summary>Refuses smaller numbers.</summary>
    public static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && value < least) result.AddError($"{option.Name} {value}: it must be at least {least}");
    });
}
