namespace SeqRuntime.Format;

/// <summary>The bytes of a tensor or section. They may be made only when they are written, so that a large file is never in memory as a whole.</summary>
/// <param name="length">Their number.</param>
/// <param name="parts">Makes them, part by part.</param>
internal sealed class TensorBytes(int length, Func<IEnumerable<ReadOnlyMemory<byte>>> parts)
{
    public int Length { get; } = length;

    public static implicit operator TensorBytes(byte[] bytes) => new(bytes.Length, () => [bytes]);

    public IEnumerable<ReadOnlyMemory<byte>> Parts() => parts();

    public byte[] ToArray()
    {
        var all = new byte[Length];
        var at = 0;
        foreach (var part in Parts())
        {
            part.CopyTo(all.AsMemory(at));
            at += part.Length;
        }

        return all;
    }
}
