using System.Globalization;

namespace SeqRuntime.Decoding;

/// <summary>
/// A back-off n-gram model of tokens, read from an ARPA file (as KenLM, SRILM and IRSTLM write them). It is a finite
/// automaton: a state is the longest context that the model has seen. An unseen token falls back to shorter contexts.
/// </summary>
/// <remarks>Katz, "Estimation of probabilities from sparse data for the language model component of a speech recognizer", 1987.</remarks>
public sealed class NgramModel
{
    private const int Empty = 0;
    private const double Ln10 = 2.30258509299404568402;

    /// <summary>log10 of the probability of an unseen token if the model has no &lt;unk&gt;. The value is KenLM's.</summary>
    private const double Unseen = -100;

    private readonly List<Context> _contexts = [new Context(double.NaN, 0, Empty, Empty)];
    private readonly Dictionary<(int Context, int Word), int> _next = [];
    private readonly int _vocabulary;
    private readonly int _order;

    private NgramModel(int vocabulary, int order) => (_vocabulary, _order) = (vocabulary, order);

    /// <summary>Longest n-gram.</summary>
    public int Order => _order;

    /// <summary>Number of n-grams read.</summary>
    public int Count => _contexts.Count - 1;

    /// <summary>State at the beginning of a sentence.</summary>
    internal int Start { get; private set; }

    private int SentenceBegin => _vocabulary;

    private int SentenceEnd => _vocabulary + 1;

    private int Unknown => _vocabulary + 2;

    /// <summary>Reads an ARPA file. Its words are the texts of a table's tokens; n-grams with other words are skipped.</summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="tokens">The decoder's target table.</param>
    /// <exception cref="InvalidDataException">The file is not a valid ARPA file or is truncated; the message names the line.</exception>
    /// <exception cref="IOException">The file cannot be opened or read, or there is none.</exception>
    /// <exception cref="UnauthorizedAccessException">The path is a folder, or the file may not be read.</exception>
    /// <exception cref="ArgumentException">The path is empty or not valid, or an argument is null.</exception>
    public static NgramModel LoadArpa(string path, TokenTable tokens)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var reader = new StreamReader(path);
        return ReadArpa(reader, tokens);
    }

    /// <summary>Reads the text of an ARPA file.</summary>
    /// <inheritdoc cref="LoadArpa(string, TokenTable)"/>
    /// <param name="reader">The text.</param>
    /// <param name="tokens">The decoder's target table.</param>
    public static NgramModel ReadArpa(TextReader reader, TokenTable tokens)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(tokens);
        var line = 0;
        string? Next()
        {
            line++;
            return reader.ReadLine()?.Trim();
        }

        InvalidDataException Fault(string what) => new($"Line {line} of the ARPA file: {what}.");
        var text = Next();
        while (text is not null && text != "\\data\\") text = Next();
        if (text is null) throw Fault("there is no \\data\\ section; the file is not an ARPA file");
        var counts = new List<int>();
        for (text = Next(); text is not null && !text.StartsWith('\\'); text = Next())
        {
            if (text.Length == 0) continue;
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (!text.StartsWith("ngram ", StringComparison.Ordinal) || equals < 0 || !int.TryParse(text.AsSpan(equals + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var count) || count < 0)
                throw Fault($"'{text}' is not a count of n-grams, such as 'ngram 1=100'");
            counts.Add(count);
        }

        if (counts.Count is 0 or > 16) throw Fault($"the model has {counts.Count} orders; it must have 1 to 16");
        var model = new NgramModel(tokens.Count, counts.Count);
        for (var order = 1; order <= counts.Count; order++)
        {
            while (text is { Length: 0 }) text = Next();
            if (text != $"\\{order}-grams:") throw Fault($"'\\{order}-grams:' is expected, but {(text is null ? "the file ends" : $"the line is '{text}'")}");
            var count = 0;
            for (text = Next(); text is not null && !text.StartsWith('\\'); text = Next())
            {
                if (text.Length == 0) continue;
                count++;
                if (!model.Add(text.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries), order, tokens)) throw Fault($"'{text}' is not a {order}-gram");
            }

            if (count != counts[order - 1]) throw Fault($"the file has {count} {order}-grams; its \\data\\ section says {counts[order - 1]}");
        }

        while (text is { Length: 0 }) text = Next();
        if (text != "\\end\\") throw Fault("'\\end\\' is missing; the file is truncated");
        model.Start = model.Walk(Empty, model.SentenceBegin);
        return model;
    }

    /// <summary>Natural log probability of a token in a state, and the next state.</summary>
    internal double Advance(ref int state, int token) => Step(ref state, _next.ContainsKey((Empty, token)) ? token : Unknown);

    /// <summary>Natural log probability that a sentence ends in a state.</summary>
    internal double End(int state) => Step(ref state, SentenceEnd);

    private double Step(ref int state, int word)
    {
        var score = 0.0;
        for (; ; state = _contexts[state].Shorter)
        {
            if (_next.TryGetValue((state, word), out var next) && !double.IsNaN(_contexts[next].Score))
            {
                state = _contexts[next].Rest;
                return (score + _contexts[next].Score) * Ln10;
            }

            if (state == Empty) return (score + Unseen) * Ln10;
            score += _contexts[state].BackOff;
        }
    }

    private bool Add(string[] parts, int order, TokenTable tokens)
    {
        if (parts.Length != order + 1 && parts.Length != order + 2) return false;
        if (!Number(parts[0], out var score)) return false;
        var backOff = 0.0;
        if (parts.Length == order + 2 && !Number(parts[^1], out backOff)) return false;
        var (context, shorter) = (Empty, Empty);
        for (var i = 1; i <= order; i++)
        {
            var word = Word(parts[i], tokens);
            if (word < 0) return true;
            if (i > 1) shorter = Walk(shorter, word);
            if (i == order) Put(context, word, score, backOff, shorter);
            else context = Descend(context, word, shorter);
        }

        return true;
    }

    private static bool Number(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && (double.IsFinite(number) || double.IsNegativeInfinity(number));

    private int Word(string text, TokenTable tokens) => text switch
    {
        "<s>" => SentenceBegin,
        "</s>" => SentenceEnd,
        "<unk>" or "<UNK>" => Unknown,
        _ => tokens.IndexOf(text),
    };

    /// <summary>The context with one more word; created if the file does not list it.</summary>
    private int Descend(int context, int word, int shorter) => _next.TryGetValue((context, word), out var next) ? next : Put(context, word, double.NaN, 0, shorter);

    /// <summary>The longest known context that ends with this word.</summary>
    private int Walk(int context, int word)
    {
        for (; ; context = _contexts[context].Shorter)
        {
            if (_next.TryGetValue((context, word), out var next)) return next;
            if (context == Empty) return Empty;
        }
    }

    private int Put(int context, int word, double score, double backOff, int shorter)
    {
        if (!_next.TryGetValue((context, word), out var at))
        {
            at = _contexts.Count;
            _contexts.Add(default);
            _next.Add((context, word), at);
        }

        _contexts[at] = new Context(score, backOff, shorter, at);
        return at;
    }

    /// <param name="Score">log10 of the last word's probability after the others; NaN if the file has none.</param>
    /// <param name="BackOff">log10 of the back-off weight.</param>
    /// <param name="Shorter">The longest shorter context with the same end.</param>
    /// <param name="Rest">The state to continue from.</param>
    private readonly record struct Context(double Score, double BackOff, int Shorter, int Rest);
}
