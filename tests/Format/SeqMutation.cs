using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>Damages a <c>.seq</c> file at random places.</summary>
internal static class SeqMutation
{
    public static byte[] Of(byte[] file, Random random)
    {
        var mutant = (byte[])file.Clone();
        // Most of the file is weights, which may have any value; damage elsewhere is dangerous.
        var (from, to) = random.Next(4) == 0 ? (0, mutant.Length) : (0, Data(file));
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var at = random.Next(from, to);
            switch (random.Next(7))
            {
                case 0:
                    mutant[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    random.NextBytes(mutant.AsSpan(at, Math.Min(random.Next(1, 17), mutant.Length - at)));
                    break;
                case 2 when at + sizeof(int) <= mutant.Length:
                    int[] ints = [0, -1, 1, int.MaxValue, int.MinValue, -2, 65_536, random.Next()];
                    BinaryPrimitives.WriteInt32LittleEndian(mutant.AsSpan(at), ints[random.Next(ints.Length)]);
                    break;
                case 3 when at + sizeof(long) <= mutant.Length:
                    long[] longs = [long.MaxValue, long.MinValue, -1, 64, 1L << 32, uint.MaxValue, mutant.Length, mutant.Length - 64];
                    BinaryPrimitives.WriteInt64LittleEndian(mutant.AsSpan(at), longs[random.Next(longs.Length)]);
                    break;
                case 4:
                    mutant.AsSpan(at, Math.Min(random.Next(1, 65), mutant.Length - at)).Clear();
                    break;
                case 5:
                    var bytes = Math.Min(random.Next(1, 65), mutant.Length - at);
                    file.AsSpan(random.Next(file.Length - bytes), bytes).CopyTo(mutant.AsSpan(at));
                    break;
                default:
                    mutant[at] = (byte)(mutant[at] + random.Next(-2, 3));
                    break;
            }
        }

        return mutant;
    }

    private static int Data(byte[] file) => (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(SectionTable.EntryOf(file, SeqLayout.Data) + 8));
}
