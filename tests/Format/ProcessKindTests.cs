using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>Unsupported processes are refused at once instead of failing later.</summary>
public sealed class ProcessKindTests
{
    [Fact]
    public void A32_bit_or_big_endian_process_is_told_what_is_needed()
    {
        ProcessKind.Require();
        ProcessKind.Require(is64Bit: true, isLittleEndian: true);
        Assert.Contains("64-bit process", Assert.Throws<PlatformNotSupportedException>(() => ProcessKind.Require(is64Bit: false, isLittleEndian: true)).Message, StringComparison.Ordinal);
        Assert.Contains("little-endian", Assert.Throws<PlatformNotSupportedException>(() => ProcessKind.Require(is64Bit: true, isLittleEndian: false)).Message, StringComparison.Ordinal);
    }
}
