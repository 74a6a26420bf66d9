namespace SeqRuntime.Training.Evaluation;

/// <summary>
/// Word and phoneme error rates as the literature counts them (Bisani and Ney 2008, doi:10.1016/j.specom.2008.01.002; Yao and
/// Zweig 2015, arXiv:1506.00196). Of a word's pronunciations, the one nearest to the answer counts. A word is wrong if the answer equals
/// none of them. Phoneme errors are the edit distance divided by the length of that pronunciation, summed over words.
/// </summary>
internal sealed class ErrorRates
{
    private long _words;
    private long _wrong;
    private long _edits;
    private long _phonemes;

    /// <summary>Words counted.</summary>
    public long Words => _words;

    /// <summary>Share of wrong words, 0 to 1.</summary>
    public double Word => _wrong / (double)Math.Max(1, _words);

    /// <summary>Edits for each phoneme of the nearest pronunciations, at least 0.</summary>
    public double Phoneme => _edits / (double)Math.Max(1, _phonemes);

    public void Add(IReadOnlyList<string> answer, IEnumerable<IReadOnlyList<string>> pronunciations)
    {
        var (edits, length) = pronunciations.Select(p => (Distance(answer, p), p.Count)).MinBy(p => (p.Item1, -p.Count));
        _words++;
        if (edits > 0) _wrong++;
        _edits += edits;
        _phonemes += length;
    }

    /// <summary>The phoneme without its stress digit, as most of the literature scores CMUdict.</summary>
    public static string WithoutStress(string phoneme) => phoneme.TrimEnd('0', '1', '2');

    /// <summary>The smallest number of insertions, deletions and substitutions (Levenshtein 1966).</summary>
    public static int Distance(IReadOnlyList<string> left, IReadOnlyList<string> right)
    {
        var row = Enumerable.Range(0, right.Count + 1).ToArray();
        for (var i = 1; i <= left.Count; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Count; j++)
            {
                var substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[^1];
    }
}
