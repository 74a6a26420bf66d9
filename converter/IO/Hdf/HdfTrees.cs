using System.Numerics;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>B-trees of version 1 (groups, chunks) and 2 (dense links and attributes).</summary>
internal static class HdfTrees
{
    /// <summary>Children of the leaf nodes of a version 1 tree, each with the position of the key before it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="root">Address of the root.</param>
    /// <param name="type">0 for groups, 1 for chunks.</param>
    /// <param name="keyBytes">Size of a key in bytes.</param>
    public static List<(long Key, long Child)> Leaves(HdfBytes file, long root, int type, int keyBytes)
    {
        var leaves = new List<(long, long)>();
        var waiting = new Stack<(long Address, int Level)>([(root, -1)]);
        while (waiting.TryPop(out var node))
        {
            var headBytes = 8 + 2 * file.AddressBytes;
            var head = file.Structure(node.Address, "TREE", headBytes);
            head.Skip(4);
            var (found, level, count) = (head.Byte(), head.Byte(), head.UInt16());
            if (found != type || (node.Level >= 0 && level != node.Level)) throw file.Fault($"the tree at {node.Address} has the wrong kind or level");
            var entries = file.At(file.Place(node.Address) + headBytes, (long)count * (keyBytes + file.AddressBytes));
            for (var i = 0; i < count; i++)
            {
                var key = entries.Place;
                entries.Skip(keyBytes);
                var child = entries.Address();
                if (level == 0) leaves.Add((key, child));
                else waiting.Push((child, level - 1));
            }
        }

        return leaves;
    }

    /// <summary>Positions of all records of a version 2 tree.</summary>
    /// <param name="file">The file.</param>
    /// <param name="address">Address of its header.</param>
    /// <param name="type">Its type.</param>
    /// <param name="leastRecord">The smallest size of a record in bytes.</param>
    public static List<long> Records(HdfBytes file, long address, int type, int leastRecord)
    {
        const int nodeHead = 6, overhead = 10;
        var head = file.Structure(address, "BTHD", 16 + file.AddressBytes + 2);
        head.Skip(5);
        var found = head.Byte();
        var (nodeBytes, recordBytes, depth) = (head.UInt32(), head.UInt16(), head.UInt16());
        head.Skip(2);
        var (root, rootCount) = (head.Address(), head.UInt16());
        if (found != type || recordBytes < leastRecord || depth > 32) throw file.Fault($"the tree at {address} has the wrong kind");
        var records = new List<long>();
        if (rootCount == 0) return records;

        // The maximum number of records in nodes of each depth gives the size of the counts in their parents.
        var most = new long[depth + 1];
        var all = new long[depth + 1];
        all[0] = most[0] = (nodeBytes - overhead) / recordBytes;
        var countBytes = BytesOf(most[0]);
        for (var d = 1; d <= depth; d++)
        {
            var pointer = file.AddressBytes + countBytes + (d > 1 ? BytesOf(all[d - 1]) : 0);
            most[d] = (nodeBytes - overhead - pointer) / (recordBytes + pointer);
            all[d] = Math.Min((most[d] + 1) * all[d - 1] + most[d], long.MaxValue >> 24);
            if (most[d] < 1) throw file.Fault($"the tree at {address} has nodes of {nodeBytes} bytes, too few for a record");
        }

        var waiting = new Stack<(long Address, int Depth, long Count)>([(root, depth, rootCount)]);
        while (waiting.TryPop(out var node))
        {
            if (node.Count > most[node.Depth]) throw file.Fault($"a node of the tree at {address} holds {node.Count} records; at most {most[node.Depth]} fit");
            var isLeaf = node.Depth == 0;
            var pointer = isLeaf ? 0 : file.AddressBytes + countBytes + (node.Depth > 1 ? BytesOf(all[node.Depth - 1]) : 0);
            var cursor = file.Structure(node.Address, isLeaf ? "BTLF" : "BTIN", nodeHead + node.Count * recordBytes + (isLeaf ? 0 : (node.Count + 1) * pointer));
            cursor.Skip(nodeHead);
            for (var i = 0; i < node.Count; i++)
            {
                records.Add(cursor.Place);
                cursor.Skip(recordBytes);
            }

            for (var i = 0; !isLeaf && i <= node.Count; i++)
            {
                var (child, count) = (cursor.Address(), cursor.Number(countBytes));
                if (node.Depth > 1) cursor.Skip(BytesOf(all[node.Depth - 1]));
                waiting.Push((child, node.Depth - 1, count));
            }
        }

        return records;
    }

    private static int BytesOf(long most) => BitOperations.Log2((ulong)Math.Max(most, 1)) / 8 + 1;
}
