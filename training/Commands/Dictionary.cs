using System.CommandLine;
using SeqRuntime.Training.Data;

namespace SeqRuntime.Training.Commands;

/// <summary>Finds CMUdict: in the folder of the environment variable SEQRUNTIME_DATA, by default ../shared/data beside the repository.</summary>
internal static class Dictionary
{
    private const string WhereToGet = "Get it from https://github.com/cmusphinx/cmudict (cmudict.dict), or from the npm package cmu-pronouncing-dictionary 3.0.0. Give its path by --dictionary, or set SEQRUNTIME_DATA to the parent of its folder.";

    /// <summary>The option for its path.</summary>
    public static Option<FileInfo> Option { get; } = new("--dictionary") { Description = "CMUdict's cmudict.dict.", DefaultValueFactory = _ => new FileInfo(DefaultPath) };

    /// <summary>Reads the dictionary that the command line names.</summary>
    /// <exception cref="FileNotFoundException">It is missing. The message says where to get it.</exception>
    public static CmuDict Read(ParseResult arguments)
    {
        var file = arguments.GetRequiredValue(Option);
        return file.Exists ? CmuDict.Read(file.FullName) : throw new FileNotFoundException($"{file} does not exist. {WhereToGet}");
    }

    private static string DefaultPath => Path.Combine(Environment.GetEnvironmentVariable("SEQRUNTIME_DATA") is { Length: > 0 } named ? named : Beside(), "cmudict", "cmudict.dict");

    private static string Beside()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln"))) return Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data"));
        }

        return "data";
    }
}
