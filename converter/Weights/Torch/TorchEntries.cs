using System.Buffers.Binary;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>The entries of a PyTorch file: those of its archive, or the parts of a file from before version 1.6.</summary>
/// <param name="Names">Their names.</param>
/// <param name="LengthOf">The length of an entry. Null if there is none.</param>
/// <param name="Read">Reads an entry.</param>
/// <param name="Damaged">Makes the exception for a damaged file.</param>
internal sealed record TorchEntries(IReadOnlyCollection<string> Names, Func<string, long?> LengthOf, Func<string, byte[]> Read, Func<string, ConversionException> Damaged)
{
    private const string Remedy = "save it again with torch.save";

    public static TorchEntries OfArchive(byte[] bytes, string where, string kind = "PyTorch file", string remedy = Remedy)
    {
        var entries = ZipEntries.Open(bytes, where, kind, remedy);
        return new(entries.Names, entries.LengthOf, entries.Read, entries.Damaged);
    }

    /// <summary>
    /// A file from before version 1.6: the pickles of a number, a version, a dict of the machine's sizes and the object, then a pickle with the keys of the
    /// storages, and for each key the number of elements and the elements.
    /// </summary>
    public static (TorchEntries Entries, object? Root) OfOldFile(byte[] bytes, string where)
    {
        ConversionException Damaged(string what) => new($"{where}: the PyTorch file is damaged: {what}; {Remedy}");
        var pickles = new PickleBytes(bytes, what => Damaged(what));
        var names = new TorchNames(pickles, where);
        object? Next() => Unpickler.Read(pickles, names);
        // The magic number was seen when the kind of the file was told.
        _ = Next();
        if (Next() is not 1001L) throw Damaged("its version is not 1001");
        if (Next() is not PickledDict sizes || !sizes.Items.Exists(item => item is { Key: "little_endian", Value: true })) throw Damaged("it was not written by a machine with little-endian numbers");
        var root = Next();
        if (Next() is not List<object?> keys) throw Damaged("it has no list of storages");
        var parts = new Dictionary<string, (int At, int Length)>(StringComparer.Ordinal);
        long at = pickles.Position;
        foreach (var key in keys)
        {
            if (key is not string name || !names.Storages.TryGetValue(name, out var storage)) throw Damaged("a storage is listed that no tensor has");
            if (bytes.Length - at < sizeof(long)) throw Damaged($"the storage '{name}' is missing");
            var count = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan((int)at));
            at += sizeof(long);
            var left = bytes.Length - at;
            if (count < 0 || count > left / storage.ElementBytes) throw Damaged($"the storage '{name}' has {storage.Elements(count)}, more than the file");
            if (!parts.TryAdd($"data/{name}", ((int)at, (int)(count * storage.ElementBytes)))) throw Damaged($"the storage '{name}' is there twice");
            at += count * storage.ElementBytes;
        }

        var entries = new TorchEntries([], name => parts.TryGetValue(name, out var part) ? part.Length : null, name => bytes.AsSpan(parts[name].At, parts[name].Length).ToArray(), Damaged) { Ignored = names.Ignored };
        return (entries, root);
    }

    /// <summary>Names of objects that were not read.</summary>
    public IReadOnlyCollection<string> Ignored { get; init; } = [];
}
