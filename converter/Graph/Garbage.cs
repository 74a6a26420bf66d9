namespace SeqRuntime.Converter.Graph;

/// <summary>Frees the memory of large arrays as soon as they are of no more use. Otherwise the collector lets about as much garbage gather as there is data.</summary>
internal static class Garbage
{
    private const long Large = 16L << 20;

    /// <param name="bytes">Bytes of the arrays. Little garbage is left to the collector.</param>
    public static void Collect(long bytes)
    {
        if (bytes >= Large) GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
