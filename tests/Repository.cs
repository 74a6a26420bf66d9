using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Tests;

/// <summary>The repository that these tests were built in.</summary>
internal static class Repository
{
    private static readonly string? s_root = Places.Around(AppContext.BaseDirectory);

    /// <summary>Its folder. Null if the tests run elsewhere.</summary>
    public static string? Root => s_root;

    /// <summary>Full path of a file or folder of the repository.</summary>
    public static string Find(string relative) => Path.Combine(s_root ?? throw new InvalidOperationException("The repository's root was not found."), relative);
}
