namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>Reads local heaps (names in old groups) and global heaps (texts of any length).</summary>
internal static class HdfHeaps
{
    /// <summary>A text of a local heap, up to its zero byte.</summary>
    public static string Text(HdfBytes file, long heap, long offset)
    {
        var head = file.Structure(heap, "HEAP", 8 + 2 * file.LengthBytes + file.AddressBytes);
        head.Skip(8);
        var size = head.Length();
        head.Length();
        var data = file.Place(head.Address());
        if (offset < 0 || offset >= size) throw file.Fault($"a name at {offset} lies outside the heap at {heap}");
        foreach (var most in (int[])[64, 1 << 16])
        {
            var rest = file.Range(data + offset, Math.Min(Math.Min(most, size - offset), file.Count - data - offset));
            if (rest.IndexOf((byte)0) is >= 0 and var end) return System.Text.Encoding.UTF8.GetString(rest[..end]);
        }

        throw file.Fault($"a name at {offset} of the heap at {heap} has no end");
    }

    /// <summary>An object of a global heap.</summary>
    public static ReadOnlySpan<byte> Global(HdfBytes file, long heap, long index)
    {
        // Headers and contents start at multiples of eight, whatever the size of a length.
        var headBytes = (8 + file.LengthBytes + 7) / 8 * 8;
        var head = file.Structure(heap, "GCOL", headBytes);
        head.Skip(8);
        var size = head.Length();
        if (size < headBytes) throw file.Fault($"the heap at {heap} has {size} bytes; at least {headBytes} are needed");
        var objects = file.At(file.Place(heap) + headBytes, size - headBytes);
        while (objects.Left >= headBytes)
        {
            var found = objects.UInt16();
            objects.Skip(6);
            var length = objects.Length();
            objects.Skip(headBytes - 8 - file.LengthBytes);
            if (found == 0) break;
            var content = objects.Take(length);
            if (found == index) return content;
            objects.Skip(Math.Min((8 - length % 8) % 8, objects.Left));
        }

        throw file.Fault($"the heap at {heap} has no object {index}");
    }
}
