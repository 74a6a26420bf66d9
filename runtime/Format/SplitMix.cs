namespace SeqRuntime.Format;

/// <summary>Mixes numbers to 64 bits: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).</summary>
internal static class SplitMix
{
    public const ulong Step = 0x9E3779B97F4A7C15;

    /// <summary>A number that depends on both, equal on every machine and in every process.</summary>
    public static ulong Add(ulong mixed, ulong value) => Mix(mixed + Step + Mix(value + Step));

    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
