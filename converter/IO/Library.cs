namespace SeqRuntime.Converter.IO;

/// <summary>Calls a library that reads a file. Any exception of the library means that the file is damaged.</summary>
internal static class Library
{
    /// <param name="call">Calls only the library and no code of the converter.</param>
    /// <param name="fault">Makes the exception about the file.</param>
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
