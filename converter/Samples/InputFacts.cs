using SeqRuntime.Format;

namespace SeqRuntime.Converter.Samples;

/// <summary>Tells in words what inputs hold.</summary>
internal static class InputFacts
{
    public static string InWords(this InputFact fact) => fact.Kind switch
    {
        InputKind.Noise => "unit noise",
        InputKind.Positive => "the magnitude of unit noise",
        InputKind.Sound => "tones and noise of changing level",
        InputKind.Tokens => $"random tokens {fact.Least} to {fact.Most}",
        InputKind.Lengths => "full lengths",
        InputKind.Positions => "positions",
        InputKind.Ones => "ones",
        _ => "0 and 1 at random",
    };
}
