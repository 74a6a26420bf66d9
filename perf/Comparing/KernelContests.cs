using System.Runtime.InteropServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Perf.Comparing;

/// <summary>The matrix product of 100 steps' inputs with an LSTM's 2048 × 512 weights, only the kernel, compared with the peak multiply rate.</summary>
internal static class GemmContest
{
    private const int Rows = 2048;
    private const int Columns = 512;
    private const int Inputs = 100;

    public static Contest Make() => new(
        "gemm/100-512-2048",
        $"{Inputs} × {Columns} × {Rows}",
        new Dictionary<string, Func<Runner>> { ["fp32"] = () => new MatrixProduct(Inputs, Columns, Rows, false).Runner(), ["int8"] = () => new MatrixProduct(Inputs, Columns, Rows, true).Runner() },
        [
            new RowPlan("fp32-limit", "Matrix product, fp32, share of the peak multiply rate", "fp32", RowPlan.Limit, RowPlan.Limit),
            new RowPlan("int8-limit", "Matrix product, int8, share of the peak multiply rate", "int8", RowPlan.Limit, RowPlan.Limit, Bars.Gemm),
        ])
    {
        Limit = (store, _) => new Need(1, 0, (long)Rows * Columns * Inputs, store == "int8"),
    };
}

/// <summary>One matrix product in native memory, as an operator calls the kernel.</summary>
internal sealed unsafe class MatrixProduct : IDisposable
{
    private readonly KernelSet _kernels = KernelRegistry.Choose();
    private readonly WeightLayout _layout;
    private readonly List<nint> _blocks = [];
    private readonly byte* _weights;
    private readonly float* _x;
    private readonly sbyte* _quantized;
    private readonly float* _scales;
    private readonly float* _y;
    private readonly float* _init;
    private readonly int _inputs;

    /// <param name="inputs">Rows of inputs.</param>
    /// <param name="columns">Inputs of a row.</param>
    /// <param name="rows">Outputs of a row.</param>
    /// <param name="isInt8">int8 weights; else fp32.</param>
    /// <param name="panel">Rows of a panel.</param>
    /// <param name="addTo">The product whose outputs these are added to; null to start from zeros.</param>
    public MatrixProduct(int inputs, int columns, int rows, bool isInt8, int panel = WeightLayout.WidestPanel, MatrixProduct? addTo = null)
    {
        _inputs = inputs;
        _layout = new WeightLayout(isInt8 ? TensorFormat.PackedInt8 : TensorFormat.PackedFloat32, rows, columns, panel);
        var random = new Random(5);
        float[] scales = [.. Enumerable.Repeat(0.01f, rows)];
        var bytes = isInt8
            ? Int8Format.Wide.Pack([.. Enumerable.Range(0, rows * columns).Select(_ => (sbyte)random.Next(-127, 128))], scales, rows, columns, panel)
            : Float32Format.Pack([.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() - 0.5f)], rows, columns, panel);
        _weights = Take(bytes.Length);
        bytes.CopyTo(new Span<byte>(_weights, bytes.Length));
        _x = (float*)Take((long)inputs * columns * sizeof(float));
        Signals.Wave(inputs * columns).CopyTo(new Span<float>(_x, inputs * columns));
        _quantized = (sbyte*)Take(inputs * KernelSet.QuantizedStride(columns));
        _scales = (float*)Take(inputs * sizeof(float));
        _y = addTo is null ? (float*)Take((long)inputs * rows * sizeof(float)) : addTo._y;
        _init = addTo is null ? null : _y;
        _kernels.QuantizeRows(_x, columns, inputs, columns, 0, _quantized, _scales);
    }

    /// <summary>Bytes of the weights.</summary>
    public long Bytes => _layout.TotalBytes;

    public Runner Runner() => new(_layout.Format.Number == TensorFormat.PackedInt8 ? Int8 : Float32, this);

    private OutputRange Outputs => new(_y, _layout.Rows, _layout.Rows, _init, _layout.Rows);

    public void Int8() => _kernels.Multiply(PackedMatrix.Whole(_weights, _layout), new QuantizedRows(_quantized, KernelSet.QuantizedStride(_layout.Columns), _scales, _inputs), Outputs);

    public void Float32() => _kernels.Multiply(new PackedMatrix(_weights, _layout), new FloatRows(_x, _layout.Columns, _inputs), Outputs);

    public void Dispose()
    {
        foreach (var block in _blocks) NativeMemory.AlignedFree((void*)block);
    }

    private byte* Take(long bytes)
    {
        var block = (byte*)NativeMemory.AlignedAlloc((nuint)(bytes + KernelSet.ReadSlack), 64);
        new Span<byte>(block, checked((int)bytes + KernelSet.ReadSlack)).Clear();
        _blocks.Add((nint)block);
        return block;
    }
}

/// <summary>A row of floats that a kernel reads and one that it writes, in native memory.</summary>
internal sealed unsafe class NativeRow : IDisposable
{
    public NativeRow(int count)
    {
        var room = count + KernelSet.ReadSlack / sizeof(float);
        X = (float*)NativeMemory.AlignedAlloc((nuint)(room * sizeof(float)), 64);
        Y = (float*)NativeMemory.AlignedAlloc((nuint)(room * sizeof(float)), 64);
        Signals.Wave(room).CopyTo(new Span<float>(X, room));
        new Span<float>(Y, room).Clear();
    }

    public float* X { get; }

    public float* Y { get; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(X);
        NativeMemory.AlignedFree(Y);
    }
}
