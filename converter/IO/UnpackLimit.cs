namespace SeqRuntime.Converter.IO;

/// <summary>How many bytes a packed file may hold. Weights compress by little: data that unpacks to many times its size is not a model.</summary>
internal static class UnpackLimit
{
    public const long PerByte = 16;
    private const long Least = 64 << 20;

    /// <param name="packed">The length of the packed file.</param>
    public static long Of(long packed) => Math.Min(Least + PerByte * packed, Array.MaxLength);
}
