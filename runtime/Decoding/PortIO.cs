namespace SeqRuntime.Decoding;

/// <summary>Moves whole numbers and blocks between decoders and the values of sessions.</summary>
internal static class PortIO
{
    /// <summary>Writes whole numbers into an input of any numeric type.</summary>
    public static void Write(SeqSession session, int input, ReadOnlySpan<int> values)
    {
        switch (session.Inputs[input].Type)
        {
            case ElementType.Int64: Widen(values, session.Input<long>(input)); break;
            case ElementType.Int32: values.CopyTo(session.Input<int>(input)); break;
            default: Widen(values, session.Input<float>(input)); break;
        }
    }

    /// <summary>Sets every element of an input to one number.</summary>
    public static void Fill(SeqSession session, int input, int value)
    {
        switch (session.Inputs[input].Type)
        {
            case ElementType.Int64: session.Input<long>(input).Fill(value); break;
            case ElementType.Int32: session.Input<int>(input).Fill(value); break;
            case ElementType.Bool: session.Input<bool>(input).Fill(value != 0); break;
            default: session.Input<float>(input).Fill(value); break;
        }
    }

    /// <summary>Whether <see cref="Write"/> and <see cref="Fill"/> know the type.</summary>
    public static bool IsNumeric(ElementType type) => type is ElementType.Int64 or ElementType.Int32 or ElementType.Float32;

    /// <summary>Elements of a value of this shape.</summary>
    public static int Count(ReadOnlySpan<int> shape)
    {
        var count = 1;
        foreach (var size in shape) count *= size;
        return count;
    }

    /// <summary>Repeats <paramref name="source"/> (size 1 along an axis) <paramref name="count"/> times along that axis; a block is what lies behind the axis.</summary>
    public static void Repeat(ReadOnlySpan<byte> source, Span<byte> target, int block, int count)
    {
        if (count == 1)
        {
            source.CopyTo(target);
            return;
        }

        for (int at = 0, to = 0; at < source.Length; at += block)
        {
            for (var i = 0; i < count; i++, to += block) source.Slice(at, block).CopyTo(target[to..]);
        }
    }

    /// <summary>Takes rows along an axis: row i of the result is row <paramref name="rows"/>[i] of the source, which has <paramref name="had"/> rows.</summary>
    public static void Gather(ReadOnlySpan<byte> source, int had, ReadOnlySpan<int> rows, Span<byte> target, int block)
    {
        var to = 0;
        for (var outer = 0; outer < source.Length; outer += had * block)
        {
            foreach (var row in rows)
            {
                source.Slice(outer + row * block, block).CopyTo(target[to..]);
                to += block;
            }
        }
    }

    private static void Widen(ReadOnlySpan<int> values, Span<long> target)
    {
        if (target.Length != values.Length) throw new ArgumentException($"The input takes {target.Length} numbers; {values.Length} are to be written.");
        for (var i = 0; i < values.Length; i++) target[i] = values[i];
    }

    private static void Widen(ReadOnlySpan<int> values, Span<float> target)
    {
        if (target.Length != values.Length) throw new ArgumentException($"The input takes {target.Length} numbers; {values.Length} are to be written.");
        for (var i = 0; i < values.Length; i++) target[i] = values[i];
    }
}
