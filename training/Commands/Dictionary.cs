namespace SeqRuntime.Training.Commands;

/// <summary>Where CMUdict is: environment variable SEQRUNTIME_DATA, else ../shared/data beside the repository.</summary>
internal static class Dictionary
{
    public const string WhereToGet = "Get it from https://github.com/cmusphinx/cmudict (cmudict.dict), or from the npm package cmu-pronouncing-dictionary 3.0.0, and name it with --dictionary or its folder's parent with SEQRUNTIME_DATA.";

    public static string DefaultPath => Path.Combine(Environment.GetEnvironmentVariable("SEQRUNTIME_DATA") is { Length: > 0 } named ? named : Beside(), "cmudict", "cmudict.dict");

    private static string Beside()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln"))) return Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data"));
        }

        return "data";
    }
}
