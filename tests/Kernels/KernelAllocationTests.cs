using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Tests.Kernels;

/// <summary>No kernel allocates.</summary>
public sealed unsafe class KernelAllocationTests
{
    [Theory]
    [MemberData(nameof(KernelTesting.Runnable), MemberType = typeof(KernelTesting))]
    public void No_kernel_allocates(string name)
    {
        const int Rows = 50, Columns = 37, M = 7;
        var kernels = KernelTesting.Set(name);
        var random = new Random(1);
        var fp32 = new WeightLayout(TensorFormat.PackedFloat32, Rows, Columns);
        var int8 = new WeightLayout(TensorFormat.PackedInt8, Rows, Columns);
        using var w = new GuardedMemory<byte>(Float32Format.Pack(KernelTesting.Values(random, Rows * Columns), Rows, Columns));
        using var w8 = new GuardedMemory<byte>(Int8Format.Wide.Pack(new sbyte[Rows * Columns], new float[Rows], Rows, Columns));
        var fp16 = new WeightLayout(TensorFormat.PackedFloat16, Rows, Columns);
        var int4 = new WeightLayout(TensorFormat.PackedInt4, Rows, Columns);
        using var w16 = new GuardedMemory<byte>(Float16Format.Pack(KernelTesting.Values(random, Rows * Columns), Rows, Columns));
        using var w4 = new GuardedMemory<byte>(Int4Format.Pack(new sbyte[Rows * Columns], new sbyte[Rows * int4.Groups], new float[Rows], Rows, Columns));
        using var x = new GuardedMemory<float>(KernelTesting.Values(random, 64 * M, oneIn: 50, range: 1e6f));
        using var y = new GuardedMemory<float>(256 * M);
        using var q = new GuardedMemory<sbyte>(64 * M);
        using var scales = new GuardedMemory<float>(M);

        var few = new WeightLayout(TensorFormat.PackedFloat16, 4, Columns);

        UnaryFunction[] unary = [.. Enum.GetValues<UnaryFunction>().Where(f => f.IsArithmetic())];
        BinaryFunction[] binary = [.. Enum.GetValues<BinaryFunction>().Where(f => f.IsArithmetic())];
        Allocation.None(() =>
        {
            kernels.Multiply(new PackedMatrix(w.Pointer, fp32), new FloatRows(x.Pointer, Columns, M), new OutputRange(y.Pointer, Rows, Rows));
            kernels.QuantizeRows(x.Pointer, Columns, M, Columns, 0, q.Pointer, scales.Pointer);
            kernels.Multiply(PackedMatrix.Whole(w8.Pointer, int8), new QuantizedRows(q.Pointer, 64, scales.Pointer, M), new OutputRange(y.Pointer, Rows, Rows));
            kernels.Multiply(new PackedMatrix(w16.Pointer, fp16), new FloatRows(x.Pointer, Columns, M), new OutputRange(y.Pointer, Rows, Rows));
            kernels.Multiply(PackedMatrix.Whole(w4.Pointer, int4), new QuantizedRows(q.Pointer, 64, scales.Pointer, M), new OutputRange(y.Pointer, Rows, Rows));
            kernels.GemmDense(new FloatRows(x.Pointer, 8, M), new FloatRows(x.Pointer, 16, 8), new OutputRange(y.Pointer, 16, 16));
            var taps = stackalloc nint[3] { 0, 40, 81 };
            kernels.Windows(new WindowRows { Weights = x.Pointer, WeightRow = 3, WeightTap = 1, Source = x.Pointer, Taps = taps, TapCount = 3, Target = y.Pointer, TargetRow = Columns, Groups = 1, Rows = M, Lines = 1, Width = Columns });
            kernels.Unpack(new PackedMatrix(w16.Pointer, few), y.Pointer);
            foreach (var f in unary) kernels.Unary(f, x.Pointer, y.Pointer, 201, 1, 0);
            foreach (var f in binary) kernels.Binary(f, x.Pointer, 1, x.Pointer + 100, 1, y.Pointer, 99);
            for (var f = ReduceFunction.Sum; f <= ReduceFunction.LogSumExp; f++) kernels.Reduce(f, x.Pointer, 201);
            kernels.Softmax(x.Pointer, y.Pointer, 1, 201, logarithm: false);
            kernels.Softmax(x.Pointer, y.Pointer, 1, 201, logarithm: true);
            kernels.Normalize(x.Pointer, x.Pointer, x.Pointer, y.Pointer, 1, 201, 1e-5f, rms: false);
            kernels.LstmCell(x.Pointer, x.Pointer, y.Pointer, y.Pointer + 100, 30);
            kernels.GruCell(x.Pointer, x.Pointer, x.Pointer, y.Pointer, 30);
        });
    }
}
