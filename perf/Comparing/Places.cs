namespace SeqRuntime.Perf.Comparing;

/// <summary>Where things are looked for.</summary>
internal static class Places
{
    /// <summary>Folder of the real models: what SEQRUNTIME_MODELS names, else ../shared/models; null where it is not there.</summary>
    public static string? Models()
    {
        var folder = Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } named ? named : Path.Combine("..", "shared", "models");
        return Directory.Exists(folder) ? folder : null;
    }
}
