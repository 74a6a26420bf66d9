using System.Runtime.InteropServices;
using SeqRuntime.Format;

namespace SeqRuntime.Verifying;

/// <summary>Makes the content of an input from what is known of it: the same numbers on every machine.</summary>
internal static class GeneratedInput
{
    /// <summary>Writes an input.</summary>
    /// <param name="type">Type of its elements.</param>
    /// <param name="fact">What it holds.</param>
    /// <param name="elements">Its elements.</param>
    /// <param name="at">Number of the sequence, the run and the input.</param>
    /// <param name="length">Length of the sequences.</param>
    public static void Fill(ElementType type, InputFact fact, Span<byte> elements, (int Sequence, int Run, int Input) at, int length)
    {
        var count = elements.Length / type.Size();
        for (var i = 0; i < count; i++)
        {
            var bits = Noise.Bits(at.Sequence, at.Run * 64 + at.Input, i);
            Store(type, elements, i, fact.Kind switch
            {
                InputKind.Noise => Noise.Unit(bits),
                InputKind.Positive => Math.Abs(Noise.Unit(bits)),
                InputKind.Sound => Noise.Sound(at.Sequence, ((long)at.Run * count) + i, bits),
                InputKind.Tokens => fact.Least + (long)(bits % (ulong)((long)fact.Most - fact.Least + 1)),
                InputKind.Lengths => length,
                InputKind.Positions => ((long)at.Run * count) + i,
                InputKind.Ones => 1,
                _ => bits & 1,
            });
        }
    }

    private static void Store(ElementType type, Span<byte> elements, int index, double value)
    {
        switch (type)
        {
            case ElementType.Float32: MemoryMarshal.Cast<byte, float>(elements)[index] = (float)value; break;
            case ElementType.Float64: MemoryMarshal.Cast<byte, double>(elements)[index] = value; break;
            case ElementType.Int64: MemoryMarshal.Cast<byte, long>(elements)[index] = (long)value; break;
            case ElementType.Int32: MemoryMarshal.Cast<byte, int>(elements)[index] = (int)value; break;
            case ElementType.Int8: elements[index] = (byte)(sbyte)value; break;
            case ElementType.Bool: elements[index] = 1; break;
            default: elements[index] = (byte)value; break;
        }
    }
}
