namespace SeqRuntime.Decoding;

/// <summary>Writes whole numbers into the inputs of sessions.</summary>
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

    /// <summary>Writes a number, the next number, and so on into the elements of an input.</summary>
    public static void Number(SeqSession session, int input, int first)
    {
        switch (session.Inputs[input].Type)
        {
            case ElementType.Int64: NumberAll(session.Input<long>(input), first); break;
            case ElementType.Int32: NumberAll(session.Input<int>(input), first); break;
            default: NumberAll(session.Input<float>(input), first); break;
        }
    }

    /// <summary>Whether <see cref="Write"/> and <see cref="Fill"/> support the type.</summary>
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
