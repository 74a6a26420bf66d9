using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

/// <summary>Operators that may write their output over an input give the same result when they do.</summary>
public unsafe class OverwriteTests
{
    [Fact]
    public void Elementwise_operators_compute_in_place()
    {
        foreach (var kernels in KernelRegistry.Runnable)
        {
            foreach (var function in Enum.GetValues<UnaryFunction>())
            {
                if (!function.IsArithmetic()) continue;
                Check(kernels, new Unary(new Attributes().Set(AttributeKey.Function, function)), 0, [5, 13]);
            }

            foreach (var function in Enum.GetValues<BinaryFunction>())
            {
                if (!function.IsArithmetic()) continue;
                var op = new Binary(new Attributes().Set(AttributeKey.Function, function));
                Check(kernels, op, 0, [5, 13], [5, 13]);
                Check(kernels, op, 1, [5, 13], [5, 13]);
                Check(kernels, op, 0, [5, 13], [13]);
                Check(kernels, op, 1, [5, 1], [5, 13]);
                Check(kernels, op, 0, [5, 13], []);
                Check(kernels, op, 1, [1], [5, 13]);
            }

            Check(kernels, new Clip(), 0, [5, 13], [], []);
            Check(kernels, new Trilu(new Attributes()), 0, [5, 13]);
            Check(kernels, new Trilu(new Attributes().Set(AttributeKey.Upper, 0)), 0, [5, 13]);
        }
    }

    private static void Check(KernelSet kernels, Operator op, int over, params int[][] shapes)
    {
        Assert.True(op.CanOverwrite(over));
        Assert.Equal(Run(kernels, op, -1, shapes), Run(kernels, op, over, shapes));
    }

    private static float[] Run(KernelSet kernels, Operator op, int over, int[][] shapes)
    {
        var random = new Random(58);
        var memory = GC.AllocateArray<float>(1024, pinned: true);
        var start = (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0);
        var inputs = new Tensor[shapes.Length];
        for (var i = 0; i < shapes.Length; i++)
        {
            inputs[i] = new Tensor { IsKnown = true, Data = (byte*)(start + i * 256) };
            inputs[i].Set(ElementType.Float32, new Shape(shapes[i]));
            Numbers.Random(random, inputs[i].Count).CopyTo(inputs[i].AsSpan<float>());
        }

        var y = new Tensor();
        var context = new NodeContext(kernels, inputs, [y]);
        op.Infer(context);
        y.Data = over >= 0 ? inputs[over].Data : (byte*)(start + 768);
        op.Execute(context);
        return y.AsSpan<float>().ToArray();
    }
}
