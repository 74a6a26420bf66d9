using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ScratchTests
{
    [Fact]
    public void Scratch_never_grows_when_a_dimension_shrinks()
    {
        foreach (var format in Weights.Formats.Select(f => (TensorFormat)f.Data))
        {
            var lstm = new Lstm(new Attributes().Set(AttributeKey.Hidden, 20));
            Check((t, n) => Bytes(lstm, Dense(t, n, 8), null, null, null, Packed(format, rows: 80, columns: 8), Packed(format, rows: 80, columns: 20), null, null, null));
            var gru = new Gru(new Attributes().Set(AttributeKey.Hidden, 20));
            Check((t, n) => Bytes(gru, Dense(t, n, 8), null, null, Packed(format, rows: 60, columns: 8), Packed(format, rows: 60, columns: 20), null));
            Check((t, n) => Bytes(new Linear(), Dense(t, n, 8), Packed(format, rows: 20, columns: 8)));
            foreach (var pads in new[] { 0, 2 })
            {
                var conv = new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 3 }).Set(AttributeKey.Pads, new[] { pads, pads }));
                Check((t, n) => Bytes(conv, Dense(n, 4, t + 2), Packed(format, rows: 20, columns: 12)));
                Check((t, n) => Bytes(conv, Dense(n, 4, t + 2), Dense(6, 4, 3)));
            }
        }
    }

    /// <summary>Otherwise a node behind it would use scratch that it has written.</summary>
    [Fact]
    public void Every_operator_with_scratch_says_that_it_uses_some()
    {
        var operators = typeof(Operator).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operator)) && type.Namespace == typeof(Operator).Namespace).ToList();
        Assert.Contains(typeof(Linear), operators);
        Assert.All(operators, type => Assert.True(Overrides(type, nameof(Operator.ScratchBytes)) == Overrides(type, nameof(Operator.UsesScratch)), type.Name));
        static bool Overrides(Type type, string method) => type.GetMethod(method)!.DeclaringType != typeof(Operator);
    }

    [Fact]
    public void Sizes_beyond_any_memory_are_refused_instead_of_overflowing()
    {
        var conv = new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 1 }).Set(AttributeKey.Pads, new[] { int.MaxValue / 2, 0 }));
        var error = Assert.Throws<TooLargeException>(() => Bytes(conv, Dense(int.MaxValue / 1000, 900, 0), Dense(1, 900, 1)));
        Assert.NotEmpty(error.Message);
    }

    private static void Check(Func<int, int, long> bytes)
    {
        int[] sizes = [1, 2, 3, 5, 17, 63, 64, 65, 127, 128, 129, 200];
        for (var i = 1; i < sizes.Length; i++)
        {
            foreach (var other in sizes)
            {
                Assert.True(bytes(sizes[i - 1], other) <= bytes(sizes[i], other));
                Assert.True(bytes(other, sizes[i - 1]) <= bytes(other, sizes[i]));
            }
        }
    }

    private static long Bytes(Operator op, params Tensor?[] inputs)
    {
        var context = new NodeContext(KernelRegistry.Portable, inputs, [new Tensor(), null, null]);
        op.Infer(context);
        return op.ScratchBytes(context);
    }

    private static Tensor Dense(params int[] shape)
    {
        var tensor = new Tensor();
        tensor.Set(ElementType.Float32, new Shape(shape));
        return tensor;
    }

    private static Tensor Packed(TensorFormat format, int rows, int columns)
    {
        var tensor = new Tensor { Format = format, Layout = new WeightLayout(format, rows, columns) };
        tensor.Set(ElementType.Float32, new Shape(rows, columns));
        return tensor;
    }
}
