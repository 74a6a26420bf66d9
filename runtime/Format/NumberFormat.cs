using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>How a weight is stored as one number, and what that number stands for.</summary>
/// <typeparam name="T">The stored number.</typeparam>
internal interface INumberCode<T>
    where T : unmanaged
{
    /// <summary>The number that is stored for a weight.</summary>
    static abstract T Store(float weight);

    /// <summary>The weight that a stored number stands for.</summary>
    static abstract float Value(T stored);
}

/// <summary>A format that stores each weight as one number; a group is one input.</summary>
/// <typeparam name="T">The stored number.</typeparam>
/// <typeparam name="C">What it stands for.</typeparam>
internal abstract unsafe class NumberFormat<T, C>(TensorFormat number, string name) : WeightFormat(number, name, groupInputs: 1, groupBytes: sizeof(T))
    where T : unmanaged
    where C : struct, INumberCode<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Place(int row, int input, int width) => row * sizeof(T);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadRow(in PackedMatrix matrix, int row, float* to)
    {
        var layout = matrix.Layout;
        var source = (T*)(matrix.Panels + layout.Offset(row, 0));
        nint columns = layout.Columns, width = layout.Width(row);
        for (nint k = 0; k < columns; k++) to[k] = C.Value(source[k * width]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadColumn(in PackedMatrix matrix, int column, float* to)
    {
        var layout = matrix.Layout;
        for (var row = 0; row < layout.Rows; row++) to[row] = C.Value(*(T*)(matrix.Panels + layout.Offset(row, column)));
    }

    /// <summary>Packs a row-major matrix [rows, columns].</summary>
    protected byte[] PackMatrix(ReadOnlySpan<float> weights, int rows, int columns, int panel)
    {
        var layout = new WeightLayout(this, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            var (at, step) = (columns == 0 ? 0 : layout.Offset(row, 0), layout.Width(row) * sizeof(T));
            foreach (var weight in weights.Slice(row * columns, columns))
            {
                MemoryMarshal.Write(bytes.AsSpan(at), C.Store(weight));
                at += step;
            }
        }

        return bytes;
    }
}
