using System.Text.RegularExpressions;

namespace SeqRuntime.Fuzz.Running;

/// <summary>Faulty inputs, each with its fault. A few of each kind are kept.</summary>
internal static partial class Findings
{
    private const int MostOfAKind = 3;

    public static void Keep(string folder, string target, ulong seed, long index, byte[] input, string kind, string what)
    {
        Directory.CreateDirectory(folder);
        var place = Place().Match(what) is { Success: true } match ? "-" + match.Groups[1].Value : "";
        var stem = $"{target}-{kind}{place}";
        if (Directory.GetFiles(folder, $"{stem}-*.bin").Length >= MostOfAKind) return;
        var path = Path.Combine(folder, $"{stem}-{seed}-{index}");
        File.WriteAllBytes(path + ".bin", input);
        File.WriteAllText(path + ".txt", what + Environment.NewLine);
        Console.Error.WriteLine($"{target}: input {index} of seed {seed}: {what.Split('\n')[0]}");
        Console.Error.WriteLine($"{target}: kept as {path}.bin");
    }

    /// <summary>The project's method that threw.</summary>
    [GeneratedRegex(@"at SeqRuntime\.(?!Fuzz)[\w.<>`+]*?(\w+\.<?\w+)>?[\w|]*\(")]
    private static partial Regex Place();
}
