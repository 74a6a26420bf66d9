namespace SeqRuntime.Converter.Samples;

/// <summary>What an input holds, as far as its graph tells.</summary>
internal enum InputKind
{
    /// <summary>Any numbers: unit noise.</summary>
    Noise,

    /// <summary>Numbers above 0, because the graph takes a logarithm or a root of them: the magnitude of unit noise.</summary>
    Positive,

    /// <summary>Samples of sound: tones and noise of changing level, mostly within -1 to 1.</summary>
    Sound,

    /// <summary>Indices of a table, from <see cref="InputFact.Least"/> to <see cref="InputFact.Most"/>.</summary>
    Tokens,

    /// <summary>Lengths of sequences: the whole length.</summary>
    Lengths,

    /// <summary>Numbers of steps: 0, 1 and so on.</summary>
    Positions,

    /// <summary>Masks: 1 everywhere.</summary>
    Ones,

    /// <summary>Integers of unknown use: 0 and 1.</summary>
    Bits,
}

/// <summary>What an input holds.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Least">The smallest token.</param>
/// <param name="Most">The largest token.</param>
internal readonly record struct InputFact(InputKind Kind, long Least = 0, long Most = 1)
{
    /// <summary>In words.</summary>
    public override string ToString() => Kind switch
    {
        InputKind.Noise => "unit noise",
        InputKind.Positive => "the magnitude of unit noise",
        InputKind.Sound => "tones and noise of changing level",
        InputKind.Tokens => $"random tokens {Least} to {Most}",
        InputKind.Lengths => "full lengths",
        InputKind.Positions => "positions",
        InputKind.Ones => "ones",
        _ => "0 and 1 at random",
    };
}
