namespace SeqRuntime.Training.Data;

/// <summary>The tokens of both sides. Index 0 of the target ends a sequence; index 1 begins one.</summary>
internal static class Vocabulary
{
    public const int End = 0;
    public const int Begin = 1;
    private static readonly string[] s_vowels = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"];
    private static readonly string[] s_consonants = ["B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"];

    /// <summary>Letters: end of word, unknown, apostrophe, a to z.</summary>
    public static IReadOnlyList<string> Source { get; } = ["</s>", "<unk>", "'", .. Enumerable.Range('a', 26).Select(letter => $"{(char)letter}")];

    /// <summary>Phonemes of ARPAbet; vowels with the stress digits 0 (none), 1 (primary) and 2 (secondary).</summary>
    public static IReadOnlyList<string> Target { get; } = ["</s>", "<s>", .. s_vowels.SelectMany(vowel => Enumerable.Range(0, 3).Select(stress => $"{vowel}{stress}")), .. s_consonants];

    private static readonly Dictionary<string, int> s_phonemes = Target.Index().ToDictionary(token => token.Item, token => token.Index);

    /// <summary>A word's letters and the end of the word.</summary>
    public static long[] Letters(string word) => [.. word.Select(letter => letter == '\'' ? 2L : letter - 'a' + 3L), End];

    /// <summary>A pronunciation's phonemes, without begin and end.</summary>
    public static long[] Phonemes(string[] pronunciation) => Array.ConvertAll(pronunciation, phoneme => (long)s_phonemes[phoneme]);
}
