namespace SeqRuntime.Format;

/// <summary>The last stems of a section's names, newest first. Most names of a file are a few stems with numbers.</summary>
internal sealed class NameStems
{
    /// <summary>The number of stems, so that a place fits one byte.</summary>
    public const int Kept = 64;

    private const int MostDigits = 9;

    private readonly byte[][] _stems = new byte[Kept][];

    public NameStems() => Array.Fill(_stems, []);

    public byte[] this[int place] => _stems[place];

    /// <summary>A name's stem and its decimal number, if it ends in one without leading zeros.</summary>
    public static (byte[] Stem, int? Number) Split(byte[] name)
    {
        var start = name.Length;
        while (start > 0 && name.Length - start < MostDigits && name[start - 1] is >= (byte)'0' and <= (byte)'9') start--;
        while (start < name.Length - 1 && name[start] == '0') start++;
        if (start == name.Length) return (name, null);
        var number = 0;
        foreach (var digit in name.AsSpan(start)) number = number * 10 + digit - '0';
        return (name[..start], number);
    }

    /// <summary>The place of the stem, or of the one with the longest common beginning, and that length in bytes.</summary>
    public (int Place, int Shared) Find(ReadOnlySpan<byte> stem)
    {
        var (best, shared) = (0, -1);
        for (var i = 0; i < Kept; i++)
        {
            if (stem.SequenceEqual(_stems[i])) return (i, stem.Length);
            var same = stem.CommonPrefixLength(_stems[i]);
            if (same > shared) (best, shared) = (i, same);
        }

        return (best, shared);
    }

    /// <summary>Makes a stem the newest. A new stem replaces the oldest.</summary>
    public void MoveToFront(byte[] stem)
    {
        var from = 0;
        while (from < Kept - 1 && !_stems[from].AsSpan().SequenceEqual(stem)) from++;
        Array.Copy(_stems, 0, _stems, 1, from);
        _stems[0] = stem;
    }
}
