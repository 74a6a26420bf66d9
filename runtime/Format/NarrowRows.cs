using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>Scales and sums of the rows of narrow int8 matrices in the form that products read. The file stores them in half the bytes.</summary>
internal sealed unsafe class NarrowRows
{
    private const int UpperHalf = unchecked((int)0xFFFF_0000);

    /// <summary>For each matrix, the scales and then the sums.</summary>
    private readonly int[] _values;
    private readonly int _rows;

    /// <param name="layout">The layout of each matrix.</param>
    /// <param name="count">The number of matrices.</param>
    /// <param name="data">The first matrix.</param>
    public NarrowRows(WeightLayout layout, int count, byte* data)
    {
        _rows = layout.PaddedRows;
        _values = GC.AllocateUninitializedArray<int>(checked(2 * _rows * count + SeqLayout.ReadSlack / sizeof(int)), pinned: true);
        for (var i = 0; i < count; i++)
        {
            var stored = (int*)(data + i * layout.Stride + layout.ScalesOffset);
            var scales = _values.AsSpan(2 * i * _rows, _rows);
            var sums = _values.AsSpan((2 * i + 1) * _rows, _rows);
            for (var row = 0; row < _rows; row++) (scales[row], sums[row]) = (stored[row] & UpperHalf, (short)stored[row]);
        }
    }

    public float* Scales(int matrix) => (float*)At(2 * matrix);

    public int* Sums(int matrix) => At(2 * matrix + 1);

    /// <summary>The nearest scale that a narrow matrix can store.</summary>
    public static float Nearest(float scale)
    {
        var bits = BitConverter.SingleToInt32Bits(scale);
        return BitConverter.Int32BitsToSingle(bits + 0x7FFF + (bits >> 16 & 1) & UpperHalf);
    }

    /// <summary>The next smaller scale.</summary>
    public static float Before(float scale) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(scale) - (1 << 16));

    /// <summary>A row's scale and sum in their stored form.</summary>
    public static int Join(float scale, int sum) => BitConverter.SingleToInt32Bits(scale) & UpperHalf | checked((short)sum) & 0xFFFF;

    // The array is pinned.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int* At(int row) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_values)) + (nint)row * _rows;
}
