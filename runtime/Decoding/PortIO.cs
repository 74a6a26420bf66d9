using System.Runtime.InteropServices;

namespace SeqRuntime.Decoding;

/// <summary>Writes whole numbers into the inputs of sessions and rows.</summary>
internal static class PortIO
{
    /// <summary>Writes whole numbers into an input of any numeric type.</summary>
    public static void Write(SeqSession session, int input, ReadOnlySpan<int> values) => Write(session.Inputs[input].Type, session.InputBytes(input), values);

    /// <inheritdoc cref="Write(SeqSession, int, ReadOnlySpan{int})"/>
    public static void Write(ElementType type, Span<byte> input, ReadOnlySpan<int> values)
    {
        switch (type)
        {
            case ElementType.Int64: Widen(values, MemoryMarshal.Cast<byte, long>(input)); break;
            case ElementType.Int32: values.CopyTo(MemoryMarshal.Cast<byte, int>(input)); break;
            default: Widen(values, MemoryMarshal.Cast<byte, float>(input)); break;
        }
    }

    /// <summary>Sets every element of an input to one number.</summary>
    public static void Fill(SeqSession session, int input, int value) => Fill(session.Inputs[input].Type, session.InputBytes(input), value);

    /// <inheritdoc cref="Fill(SeqSession, int, int)"/>
    public static void Fill(ElementType type, Span<byte> input, int value)
    {
        switch (type)
        {
            case ElementType.Int64: MemoryMarshal.Cast<byte, long>(input).Fill(value); break;
            case ElementType.Int32: MemoryMarshal.Cast<byte, int>(input).Fill(value); break;
            case ElementType.Bool: input.Fill(value != 0 ? (byte)1 : (byte)0); break;
            default: MemoryMarshal.Cast<byte, float>(input).Fill(value); break;
        }
    }

    /// <summary>Writes a number, the next number, and so on into the elements of an input.</summary>
    public static void Number(SeqSession session, int input, int first) => Number(session.Inputs[input].Type, session.InputBytes(input), first);

    /// <inheritdoc cref="Number(SeqSession, int, int)"/>
    public static void Number(ElementType type, Span<byte> input, int first)
    {
        switch (type)
        {
            case ElementType.Int64: NumberAll(MemoryMarshal.Cast<byte, long>(input), first); break;
            case ElementType.Int32: NumberAll(MemoryMarshal.Cast<byte, int>(input), first); break;
            default: NumberAll(MemoryMarshal.Cast<byte, float>(input), first); break;
        }
    }

    /// <summary>Whether inputs of the type can be written and filled.</summary>
    public static bool IsNumeric(ElementType type) => type is ElementType.Int64 or ElementType.Int32 or ElementType.Float32;

    /// <summary>Elements of a value of this shape.</summary>
    public static int Count(ReadOnlySpan<int> shape)
    {
        var count = 1;
        foreach (var size in shape) count *= size;
        return count;
    }

    private static void NumberAll<T>(Span<T> target, int first)
        where T : unmanaged, System.Numerics.INumberBase<T>
    {
        for (var i = 0; i < target.Length; i++) target[i] = T.CreateTruncating(first + i);
    }

    private static void Widen(ReadOnlySpan<int> values, Span<long> target)
    {
        if (target.Length != values.Length) throw new ArgumentException($"The input has {target.Length} elements; {values.Length} were given.");
        for (var i = 0; i < values.Length; i++) target[i] = values[i];
    }

    private static void Widen(ReadOnlySpan<int> values, Span<float> target)
    {
        if (target.Length != values.Length) throw new ArgumentException($"The input has {target.Length} elements; {values.Length} were given.");
        for (var i = 0; i < values.Length; i++) target[i] = values[i];
    }
}
