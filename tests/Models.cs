namespace SeqRuntime.Tests;

/// <summary>
/// The folder of real models by other authors: the environment variable SEQRUNTIME_MODELS, or else ../shared/models beside the
/// repository. If a model is missing, the tests that need it are skipped, and the end of the run says so; with
/// SEQRUNTIME_REQUIRE_MODELS=1 they fail.
/// </summary>
internal static class Models
{
    private static readonly string? s_folder = Locate();

    /// <summary>Full path of a file or folder among the models. Null if it is missing.</summary>
    public static string? Find(string relative)
    {
        if (s_folder is null) return null;
        var path = Path.Combine(s_folder, relative);
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    /// <summary>Full path of a file or folder among the models. Skips or fails the test if it is missing.</summary>
    public static string Need(string relative)
    {
        if (Find(relative) is { } path) return path;
        const string Why = "Real models were not found; set SEQRUNTIME_MODELS to the folder that holds them";
        if (Environment.GetEnvironmentVariable("SEQRUNTIME_REQUIRE_MODELS") == "1") Assert.Fail($"{Why}: {relative}");
        Skips.Because(Why, relative);
        return "";
    }

    private static string? Locate()
    {
        if (Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } named) return Path.GetFullPath(named);
        if (Repository.Root is not { } root) return null;
        var models = Path.Combine(root, "..", "shared", "models");
        return Directory.Exists(models) ? models : null;
    }
}
