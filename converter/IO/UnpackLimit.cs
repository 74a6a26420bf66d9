namespace SeqRuntime.Converter.IO;

/// <summary>How many bytes a packed file may hold. Weights compress by little: data that unpacks to many times its size is not a model.</summary>
internal static class UnpackLimit
{
    public const long PerByte = 16;
    private const long Least = 64 << 20;

    /// <param name="packed">The length of the packed file.</param>
    public static long Of(long packed) => Math.Min(OfAll(packed), Array.MaxLength);

    /// <param name="packed">The length of several packed files together.</param>
    public static long OfAll(long packed) => Least + PerByte * packed;
}
