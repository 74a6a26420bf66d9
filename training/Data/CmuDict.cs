using System.Text;

namespace SeqRuntime.Training.Data;

/// <summary>A word and all its pronunciations in the dictionary, each a list of ARPAbet phonemes with stress digits.</summary>
internal sealed record Word(string Text, IReadOnlyList<string[]> Pronunciations);

/// <summary>
/// The CMU Pronouncing Dictionary with a fixed split. A hash of a word's letters decides its part. So no test word is ever trained on,
/// in any order of the file, and all pronunciations of a word are in one part.
/// </summary>
internal sealed class CmuDict
{
    private const int Parts = 100;
    private const int TestParts = 10;
    private const int ValidationParts = 2;

    private CmuDict(List<Word> training, List<Word> validation, List<Word> test)
    {
        Training = training;
        Validation = validation;
        Test = test;
    }

    /// <summary>The words to learn from: 88 of 100.</summary>
    public IReadOnlyList<Word> Training { get; }

    /// <summary>The words that decide when to stop: 2 of 100.</summary>
    public IReadOnlyList<Word> Validation { get; }

    /// <summary>The words that the error is measured on: 10 of 100. Training never uses them.</summary>
    public IReadOnlyList<Word> Test { get; }

    /// <summary>Reads <c>cmudict.dict</c>: word, tab or space, phonemes. <c>word(2)</c> or a repeated word is a further pronunciation; <c>#</c> starts a comment.</summary>
    /// <exception cref="InvalidDataException">The file contains no words.</exception>
    public static CmuDict Read(string path)
    {
        var words = new Dictionary<string, List<string[]>>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(path, Encoding.UTF8))
        {
            var parts = line.Split('#')[0].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length < 2) continue;
            var text = parts[0].Split('(')[0];
            if (!text.All(letter => letter is >= 'a' and <= 'z' or '\'')) continue;
            if (!words.TryGetValue(text, out var pronunciations)) words[text] = pronunciations = [];
            pronunciations.Add(parts[1..]);
        }

        if (words.Count == 0) throw new InvalidDataException($"{path} contains no words; give cmudict.dict.");
        var split = words.Select(entry => new Word(entry.Key, entry.Value)).OrderBy(word => word.Text, StringComparer.Ordinal).ToLookup(word => PartOf(word.Text));
        return new CmuDict([.. split[Part.Training]], [.. split[Part.Validation]], [.. split[Part.Test]]);
    }

    private static Part PartOf(string word) => (int)(Hash(word) % Parts) switch
    {
        < TestParts => Part.Test,
        < TestParts + ValidationParts => Part.Validation,
        _ => Part.Training,
    };

    /// <summary>FNV-1a over the letters, followed by MurmurHash3's finalizer, so that words with similar spelling get different parts.</summary>
    private static uint Hash(string word)
    {
        var hash = 2166136261u;
        foreach (var letter in word) hash = (hash ^ letter) * 16777619u;
        hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
        hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
        return hash ^ hash >> 16;
    }

    private enum Part
    {
        Training,
        Validation,
        Test,
    }
}
