using System.Runtime.InteropServices;

namespace BitHash;

/// <summary>64-bit FNV-1a over 32-bit words. All NaNs count as equal, because processors differ in payload and sign.</summary>
internal struct BitHasher
{
    private const ulong Basis = 14695981039346656037;
    private const ulong Prime = 1099511628211;
    private ulong _value = Basis;

    public BitHasher()
    {
    }

    public readonly ulong Value => _value;

    public void Add(uint word) => _value = (_value ^ word) * Prime;

    public void Add(ulong word)
    {
        Add((uint)word);
        Add((uint)(word >> 32));
    }

    public void Add(float value) => Add(float.IsNaN(value) ? 0x7FC00000u : BitConverter.SingleToUInt32Bits(value));

    public void Add(ReadOnlySpan<float> values)
    {
        foreach (var value in values) Add(value);
    }

    public void Add(ReadOnlySpan<sbyte> values)
    {
        foreach (var value in values) Add((uint)value);
    }

    public void AddBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (var word in MemoryMarshal.Cast<byte, uint>(bytes)) Add(word);
        foreach (var value in bytes[(bytes.Length / 4 * 4)..]) Add(value);
    }
}
