namespace SeqRuntime.Converter.IO;

/// <summary>The boundary around a library that reads a file for us: whatever it throws on a damaged one is the file's fault.</summary>
internal static class Library
{
    /// <param name="call">Calls the library, and nothing of ours.</param>
    /// <param name="fault">What is told of the file.</param>
    public static T Call<T>(Func<T> call, Func<string, ConversionException> fault)
    {
        try
        {
            return call();
        }
        catch (Exception damage) when (damage is not OutOfMemoryException)
        {
            throw fault(damage.Message.TrimEnd('.'));
        }
    }
}
