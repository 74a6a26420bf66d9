namespace SeqRuntime.Format;

/// <summary>The kind of process that can use a <c>.seq</c> file: the file's numbers are little-endian and read in place, and a mapped file needs 64-bit addresses.</summary>
internal static class ProcessKind
{
    /// <exception cref="PlatformNotSupportedException">This process is 32-bit or big-endian.</exception>
    public static void Require() => Require(Environment.Is64BitProcess, BitConverter.IsLittleEndian);

    /// <summary><see cref="Require()"/> for a process of the given kind.</summary>
    internal static void Require(bool is64Bit, bool isLittleEndian)
    {
        if (!is64Bit) throw new PlatformNotSupportedException("SeqRuntime needs a 64-bit process; this one is 32-bit. Install .NET for x64 or Arm64 on a 64-bit system, or publish for a runtime identifier such as linux-arm64.");
        if (!isLittleEndian) throw new PlatformNotSupportedException("SeqRuntime needs a little-endian processor, such as x64 or Arm64; this one is big-endian.");
    }
}
