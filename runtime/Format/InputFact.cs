namespace SeqRuntime.Format;

/// <summary>What an input holds, as far as its graph tells. The numbers are those of the file.</summary>
internal enum InputKind : byte
{
    /// <summary>Any numbers: unit noise.</summary>
    Noise = 0,

    /// <summary>Numbers above 0, because the graph takes a logarithm or a root of them: the magnitude of unit noise.</summary>
    Positive = 1,

    /// <summary>Samples of sound: tones and noise of changing level, mostly within -1 to 1.</summary>
    Sound = 2,

    /// <summary>Indices of a table, from <see cref="InputFact.Least"/> to <see cref="InputFact.Most"/>.</summary>
    Tokens = 3,

    /// <summary>Lengths of sequences: the whole length.</summary>
    Lengths = 4,

    /// <summary>Numbers of steps: 0, 1 and so on.</summary>
    Positions = 5,

    /// <summary>Masks: 1 everywhere.</summary>
    Ones = 6,

    /// <summary>Integers of unknown use: 0 and 1.</summary>
    Bits = 7,
}

/// <summary>What an input holds.</summary>
/// <param name="kind">The kind.</param>
/// <param name="least">The smallest token.</param>
/// <param name="most">The largest token.</param>
internal readonly struct InputFact(InputKind kind, int least = 0, int most = 1)
{
    public InputKind Kind => kind;

    /// <summary>The smallest token.</summary>
    public int Least => least;

    /// <summary>The largest token.</summary>
    public int Most => most;
}
