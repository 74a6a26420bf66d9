using System.Buffers;
using System.Text;

namespace SeqRuntime.Converter.IO;

/// <summary>Words of a command line, quoted for a shell where that is needed.</summary>
internal static class ShellWords
{
    private static readonly SearchValues<char> s_plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,+@%");

    /// <summary>The words in one line.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quoted));

    public static string Quoted(string word) => word.Length > 0 && !word.AsSpan().ContainsAnyExcept(s_plain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>The words of a line that <see cref="Join"/> made. Null if it made no such line.</summary>
    public static List<string>? Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        for (var at = 0; at < line.Length;)
        {
            if (line[at] == ' ')
            {
                words.Add(word.ToString());
                word.Clear();
                at++;
            }
            else if (line[at] == '\'')
            {
                var end = line.IndexOf('\'', at + 1);
                if (end < 0) return null;
                word.Append(line, at + 1, end - at - 1);
                at = end + 1;
            }
            else if (line[at] == '\\' && at + 1 < line.Length)
            {
                word.Append(line[at + 1]);
                at += 2;
            }
            else
            {
                word.Append(line[at++]);
            }
        }

        if (line.Length > 0) words.Add(word.ToString());
        return words;
    }
}
