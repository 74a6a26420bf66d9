namespace SeqRuntime.Tests;

/// <summary>Files of the repository itself.</summary>
internal static class Repository
{
    /// <summary>Full path of a file of the repository.</summary>
    public static string Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln"))) return Path.Combine(folder.FullName, relative);
        }

        throw new InvalidOperationException("The repository's root was not found.");
    }
}
