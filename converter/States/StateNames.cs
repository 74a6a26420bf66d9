using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.States;

/// <summary>What names tell of states: <c>h</c> and <c>hn</c>, <c>state_in</c> and <c>state_out</c>, <c>past_k</c> and <c>present_k</c>.</summary>
internal static partial class StateNames
{
    private static readonly HashSet<string> s_inputWords = ["in", "input", "inputs", "prev", "previous", "past", "last", "old", "init", "initial", "0"];
    private static readonly HashSet<string> s_outputWords = ["out", "output", "outputs", "next", "new", "present", "cur", "current", "n", "updated", "final"];
    private static readonly HashSet<string> s_stateWords =
        ["state", "states", "hidden", "cell", "cache", "buffer", "buf", "memory", "mem", "history", "hist", "h", "c", "carry", "context", "ctx", "prev", "previous", "past"];

    private static readonly HashSet<string> s_dataWords =
    [
        "mask", "masks", "speaker", "spk", "spks", "embedding", "embeddings", "emb", "embed", "style", "cond", "condition", "conditioning", "prior", "bias", "noise", "scale", "gain", "weight", "weights",
        "temperature", "threshold", "lang", "language", "pitch", "energy", "target", "targets", "label", "labels", "length", "lengths", "len", "ids", "tokens", "features", "feats", "audio", "speech", "image",
        "spec", "specs", "spectrum", "spectrogram", "mel", "mag", "magnitude", "noisy", "clean", "mix", "mixture", "wave", "waveform", "wav", "signal", "frame", "frames", "farend", "skip", "residual",
    ];

    /// <summary>Words that exporters make, and say nothing.</summary>
    private static readonly HashSet<string> s_exporterWords = ["lstm", "gru", "rnn", "value", "tensor", "arg", "args", "var", "node", "identity", "placeholder", "serving", "default", "model", "main", "graph", "layer", "unnamed"];

    /// <summary>How surely two names are of one state before and after: 2 by all of their words, 1 by all but a 0 that may count states or say "first", 0 not.</summary>
    public static int Match(string input, string output)
    {
        var (before, after) = (Words(input).ToList(), Words(output).Where(w => !s_outputWords.Contains(w)).ToList());
        if (before.SequenceEqual(after)) return 2;
        if (Same(before.Where(w => w == "0" || !s_inputWords.Contains(w)), after)) return 2;
        return Same(before.Where(w => !s_inputWords.Contains(w)), after) ? 1 : 0;
    }

    /// <summary>Whether a name has a word that is used of states.</summary>
    public static bool SaysState(string name) => Words(name).Any(s_stateWords.Contains);

    /// <summary>Whether a name has a word that is used of data, and none of states.</summary>
    public static bool SaysData(string name) => Words(name).Any(s_dataWords.Contains) && !SaysState(name);

    /// <summary>Whether a name says what an input is, and that is not a state: a word of three letters or more that is neither used of states nor made by an exporter.</summary>
    public static bool SaysOther(string name) => !SaysState(name) && !name.Contains("::", StringComparison.Ordinal) && Words(name).Any(w => w.Length > 2 && !char.IsDigit(w[0]) && !s_inputWords.Contains(w) && !s_exporterWords.Contains(w));

    /// <summary>Whether a name has more than words that tell before from after.</summary>
    public static bool SaysWhat(string input) => Words(input).Any(w => !s_inputWords.Contains(w));

    private static bool Same(IEnumerable<string> input, IEnumerable<string> output)
    {
        var (before, after) = (string.Join('_', input), string.Join('_', output));
        return before == after || (before.Length > 0 && after == before + "n");
    }

    private static IEnumerable<string> Words(string name) => Word().Matches(name).Select(m => m.Value.ToLowerInvariant());

    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")]
    private static partial Regex Word();
}
