using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Elementwise functions and recurrent cells: every set compared with portable, and portable with plain formulas.</summary>
public sealed unsafe class ElementwiseTests
{
    public static TheoryData<string> Unaries =>
        [.. Enum.GetValues<UnaryFunction>().Where(f => f.IsArithmetic()).Select(f => f.ToString())];

    public static TheoryData<string> Binaries => [.. Enum.GetValues<BinaryFunction>().Where(f => f.IsArithmetic()).Select(f => f.ToString())];

    [Theory]
    [MemberData(nameof(Unaries))]
    public void Unary_functions_give_the_same_bits_on_every_set(string name)
    {
        var function = Enum.Parse<UnaryFunction>(name);
        var random = new Random(1);
        for (var i = 0; i < 150; i++)
        {
            var n = i < 70 ? i : KernelTesting.Size(random, 1100);
            var data = KernelTesting.Values(random, n, i % 3 == 0 ? 4 : 0, i % 2 == 0 ? 3 : 1e5f);
            float alpha = i % 2 == 0 ? 0.3f : 1.7f, beta = random.NextSingle();
            using var x = new GuardedMemory<float>(data, random.Next(4));
            using var expected = new GuardedMemory<float>(n);
            KernelRegistry.Portable.Unary(function, x.Pointer, expected.Pointer, n, alpha, beta);
            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(n, random.Next(4));
                kernels.Unary(function, x.Pointer, y.Pointer, n, alpha, beta);
                Numbers.AssertSameBits(expected.Span, y.Span, $"{name} of {n} on {kernels.Name}");
                y.Check($"{name} of {n} on {kernels.Name}");
                using var inPlace = new GuardedMemory<float>(data);
                kernels.Unary(function, inPlace.Pointer, inPlace.Pointer, n, alpha, beta);
                Numbers.AssertSameBits(expected.Span, inPlace.Span, $"{name} in place of {n} on {kernels.Name}");
            }
        }
    }

    /// <summary>Every 240007th bit pattern of all floats, through every function.</summary>
    [Theory]
    [MemberData(nameof(Unaries))]
    public void Unary_functions_give_the_same_bits_over_the_whole_float_range(string name)
    {
        var function = Enum.Parse<UnaryFunction>(name);
        using var x = new GuardedMemory<float>((int)(uint.MaxValue / 240007));
        for (var i = 0; i < x.Count; i++) x.Pointer[i] = BitConverter.UInt32BitsToSingle((uint)i * 240007);
        using var expected = new GuardedMemory<float>(x.Count);
        using var y = new GuardedMemory<float>(x.Count);
        KernelRegistry.Portable.Unary(function, x.Pointer, expected.Pointer, x.Count, 0.7f, 0.2f);
        foreach (var kernels in KernelTesting.Sets)
        {
            kernels.Unary(function, x.Pointer, y.Pointer, x.Count, 0.7f, 0.2f);
            Numbers.AssertSameBits(expected.Span, y.Span, $"{name} on {kernels.Name}");
        }
    }

    [Theory]
    [InlineData("Neg", -1.5f, 1.5f)]
    [InlineData("Relu", -1.5f, 0f)]
    [InlineData("LeakyRelu", -2f, -0.5f)]
    [InlineData("Elu", 2f, 2f)]
    [InlineData("Selu", 2f, 1f)]
    [InlineData("Celu", 3f, 3f)]
    [InlineData("ThresholdedRelu", 0.2f, 0f)]
    [InlineData("ThresholdedRelu", 0.3f, 0.3f)]
    [InlineData("HardSigmoid", 1f, 0.75f)]
    [InlineData("HardSigmoid", 9f, 1f)]
    [InlineData("Clip", 0.1f, 0.25f)]
    [InlineData("Clip", 0.375f, 0.375f)]
    [InlineData("Clip", 7f, 0.5f)]
    [InlineData("HardSwish", 4f, 4f)]
    [InlineData("HardSwish", -4f, -0f)]
    [InlineData("Softsign", -1f, -0.5f)]
    [InlineData("Affine", 2f, 1f)]
    [InlineData("Reciprocal", 4f, 0.25f)]
    [InlineData("Sqrt", 9f, 3f)]
    [InlineData("Ceil", 1.25f, 2f)]
    [InlineData("Floor", -1.25f, -2f)]
    [InlineData("Sign", -7f, -1f)]
    [InlineData("Gelu", 1f, 0.8413447f)]
    [InlineData("GeluTanh", 1f, 0.841192f)]
    [InlineData("Swish", 4f, 2.9242343f)]
    [InlineData("Mish", 1f, 0.8650984f)]
    [InlineData("ScaledTanh", 2f, 0.19039854f)]
    public void Plain_functions_have_their_values(string name, float x, float expected)
    {
        float y;
        KernelRegistry.Portable.Unary(Enum.Parse<UnaryFunction>(name), &x, &y, 1, 0.25f, 0.5f);
        Assert.Equal(expected, y, 2e-7f * Math.Max(1, MathF.Abs(expected)));
    }

    [Theory]
    [MemberData(nameof(Binaries))]
    public void Binary_functions_give_the_same_bits_on_every_set(string name)
    {
        var function = Enum.Parse<BinaryFunction>(name);
        var random = new Random(2);
        for (var i = 0; i < 240; i++)
        {
            var n = i < 70 ? i + 1 : KernelTesting.Size(random, 300);
            int strideA = i % 4 == 1 ? 0 : 1, strideB = i % 4 == 2 ? 0 : 1;
            var left = KernelTesting.Values(random, strideA == 0 ? 1 : n, i % 3 == 0 ? 4 : 0, 20);
            var right = KernelTesting.Values(random, strideB == 0 ? 1 : n, i % 3 == 0 ? 4 : 0, 5);
            if (i % 12 == 2) right[0] = 2;
            using var a = new GuardedMemory<float>(left, random.Next(4));
            using var b = new GuardedMemory<float>(right, random.Next(4));
            var expected = new float[n];
            for (var j = 0; j < n; j++) expected[j] = Reference(function, left[j * strideA], right[j * strideB]);
            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(n, random.Next(4));
                kernels.Binary(function, a.Pointer, strideA, b.Pointer, strideB, y.Pointer, n);
                Numbers.AssertSameBits(expected, y.Span, $"{name} of {n}, strides {strideA} {strideB}, on {kernels.Name}");
                y.Check($"{name} of {n} on {kernels.Name}");
                using var inPlace = new GuardedMemory<float>(strideB == 0 ? left : right);
                if (inPlace.Count != n) continue;
                if (strideB == 0) kernels.Binary(function, inPlace.Pointer, strideA, b.Pointer, strideB, inPlace.Pointer, n);
                else kernels.Binary(function, a.Pointer, strideA, inPlace.Pointer, strideB, inPlace.Pointer, n);
                Numbers.AssertSameBits(expected, inPlace.Span, $"{name} in place of {n} on {kernels.Name}");
            }
        }
    }

    [Fact]
    public void Mod_takes_the_sign_of_the_divisor_and_F_mod_that_of_the_dividend()
    {
        Assert.Equal(1f, Reference(BinaryFunction.Mod, -5, 3));
        Assert.Equal(-1f, Reference(BinaryFunction.Mod, 5, -3));
        Assert.Equal(-2f, Reference(BinaryFunction.FMod, -5, 3));
        foreach (var kernels in KernelTesting.Sets)
        {
            using var a = new GuardedMemory<float>([-5f, 5f]);
            using var b = new GuardedMemory<float>([3f, -3f]);
            using var y = new GuardedMemory<float>(2);
            kernels.Binary(BinaryFunction.Mod, a.Pointer, 1, b.Pointer, 1, y.Pointer, 2);
            Assert.Equal([1f, -1f], y.Span.ToArray());
            kernels.Binary(BinaryFunction.FMod, a.Pointer, 1, b.Pointer, 1, y.Pointer, 2);
            Assert.Equal([-2f, 2f], y.Span.ToArray());
        }
    }

    [Fact]
    public void Functions_of_truth_values_are_refused()
    {
        Assert.Throws<InvalidOperationException>(() => Refused(UnaryFunction.IsNaN));
        Assert.Throws<InvalidOperationException>(() => Refused(BinaryFunction.Equal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void Cells_follow_their_formulas_and_give_the_same_bits_on_every_set(int oneIn)
    {
        var random = new Random(6);
        for (var i = 0; i < 120; i++)
        {
            var hidden = i < 40 ? i + 1 : KernelTesting.Size(random, 700);
            var rows = GateRows.Count(4, hidden);
            using var gates = new GuardedMemory<float>(KernelTesting.Values(random, rows, oneIn, 5));
            using var other = new GuardedMemory<float>(KernelTesting.Values(random, rows, oneIn, 5));
            using var state = new GuardedMemory<float>(KernelTesting.Values(random, hidden, oneIn));
            var (cell, lstm, gru) = (state.Span.ToArray(), new float[hidden], new float[hidden]);
            fixed (float* c = cell, h = lstm, g = gru)
            {
                KernelRegistry.Portable.LstmCell(gates.Pointer, c, c, h, hidden);
                KernelRegistry.Portable.GruCell(gates.Pointer, other.Pointer, state.Pointer, g, hidden);
            }

            for (var u = 0; u < hidden; u++) AssertFormulas(gates.Pointer, other.Pointer, u, hidden, state.Pointer[u], cell[u], lstm[u], gru[u]);
            foreach (var kernels in KernelTesting.Sets)
            {
                using var c = new GuardedMemory<float>(state.Span);
                using var h = new GuardedMemory<float>(hidden);
                kernels.LstmCell(gates.Pointer, c.Pointer, c.Pointer, h.Pointer, hidden);
                Numbers.AssertSameBits(cell, c.Span, $"LSTM cell of {hidden} on {kernels.Name}");
                Numbers.AssertSameBits(lstm, h.Span, $"LSTM hidden of {hidden} on {kernels.Name}");
                c.Check(kernels.Name);
                h.Check(kernels.Name);
                using var s = new GuardedMemory<float>(state.Span);
                kernels.GruCell(gates.Pointer, other.Pointer, s.Pointer, s.Pointer, hidden);
                Numbers.AssertSameBits(gru, s.Span, $"GRU of {hidden} on {kernels.Name}");
                s.Check(kernels.Name);
            }
        }
    }

    [Fact]
    public void A_whole_step_has_the_bits_of_its_parts_on_every_set()
    {
        var random = new Random(8);
        for (var i = 0; i < 60; i++)
        {
            var (inputs, units) = (1 + random.Next(40), i < 40 ? i + 1 : 41 + random.Next(40));
            foreach (var gates in new[] { 4, 3 })
            {
                var rows = GateRows.Count(gates, units);
                float[] Of(int count) => KernelTesting.Values(random, count, oneIn: 0, range: 1);
                using var w = new GuardedMemory<byte>(Float32Format.Pack(Of(rows * inputs), rows, inputs, GateRows.Panel(gates)));
                using var r = new GuardedMemory<byte>(Float32Format.Pack(Of(rows * units), rows, units, GateRows.Panel(gates)));
                using var bias = new GuardedMemory<float>(Of(2 * rows));
                using var x = new GuardedMemory<float>(Of(inputs));
                using var h = new GuardedMemory<float>(Of(units));
                using var cell = new GuardedMemory<float>(Of(units));
                using var gx = new GuardedMemory<float>(rows);
                using var gh = new GuardedMemory<float>(rows);
                var (cells, hidden) = (new float[units], new float[units]);
                var portable = KernelRegistry.Portable;
                var isBiased = i % 3 != 0;
                var first = isBiased ? bias.Pointer : null;
                portable.Multiply(new PackedMatrix(w.Pointer, new WeightLayout(TensorFormat.PackedFloat32, rows, inputs, GateRows.Panel(gates))), new FloatRows(x.Pointer, inputs, 1), new OutputRange(gx.Pointer, rows, rows, first));
                var from = gates == 4 ? gx.Pointer : isBiased ? bias.Pointer + rows : null;
                portable.Multiply(new PackedMatrix(r.Pointer, new WeightLayout(TensorFormat.PackedFloat32, rows, units, GateRows.Panel(gates))), new FloatRows(h.Pointer, units, 1), new OutputRange(gh.Pointer, rows, rows, from));
                fixed (float* c = cells, to = hidden)
                {
                    if (gates == 4) portable.LstmCell(gh.Pointer, cell.Pointer, c, to, units);
                    else portable.GruCell(gx.Pointer, gh.Pointer, h.Pointer, to, units);
                }

                foreach (var kernels in KernelTesting.Sets)
                {
                    using var actualCell = new GuardedMemory<float>(units);
                    using var actual = new GuardedMemory<float>(units);
                    var step = new RecurrentStep
                    {
                        Weights = new PackedMatrix(w.Pointer, new WeightLayout(TensorFormat.PackedFloat32, rows, inputs, GateRows.Panel(gates))),
                        Recurrence = new PackedMatrix(r.Pointer, new WeightLayout(TensorFormat.PackedFloat32, rows, units, GateRows.Panel(gates))),
                        Bias = first,
                        RecurrentBias = isBiased ? bias.Pointer + rows : null,
                        X = x.Pointer,
                        Hidden = h.Pointer,
                        HiddenOut = actual.Pointer,
                        Cell = gates == 4 ? cell.Pointer : null,
                        CellOut = actualCell.Pointer,
                        Inputs = inputs,
                        Units = units,
                        Gates = gates,
                        IsDescending = i % 2 != 0,
                    };
                    kernels.WholeStep(step);
                    Numbers.AssertSameBits(hidden, actual.Span, $"step of {units} units, {gates} gates on {kernels.Name}");
                    if (gates == 4) Numbers.AssertSameBits(cells, actualCell.Span, $"cells of {units} units on {kernels.Name}");
                    actual.Check(kernels.Name);
                    actualCell.Check(kernels.Name);
                }
            }
        }
    }

    /// <summary>One unit compared with the formulas in double precision. A gate below 5·10⁻¹⁸ counts as that much, so it must not be multiplied by anything huge.</summary>
    private static void AssertFormulas(float* gates, float* other, int unit, int hidden, float state, float cell, float lstm, float gru)
    {
        const double relative = 4e-7;
        const double closed = 5e-18;
        var width = Math.Min(16, (hidden + 3) / 4 * 4 - unit / 16 * 16);
        var g = gates + unit / 16 * 64 + unit % 16;
        var kept = Numbers.Sigmoid(g[width]) * state;
        var added = Numbers.Sigmoid(g[0]) * Math.Tanh(g[2 * width]);
        if (double.IsFinite(kept + added) && float.IsFinite(state))
        {
            Assert.Equal(kept + added, cell, relative * (Math.Abs(kept) + Math.Abs(added)) + closed * (1 + Math.Abs((double)state)));
            var h = Numbers.Sigmoid(g[3 * width]) * Math.Tanh(cell);
            if (!double.IsNaN(h)) Assert.Equal(h, lstm, relative * Math.Abs(h) + closed);
        }

        var x = gates + unit / 16 * 48 + unit % 16;
        var r = other + unit / 16 * 48 + unit % 16;
        int update = width, candidate = 2 * width;
        var n = Math.Tanh(x[candidate] + Numbers.Sigmoid((double)x[0] + r[0]) * r[candidate]);
        var z = Numbers.Sigmoid((double)x[update] + r[update]);
        if (!double.IsFinite(n * z) || !float.IsFinite(state) || !(Math.Abs(r[candidate]) < 1e10f) || !(Math.Abs(x[0]) + Math.Abs(r[0]) + Math.Abs(x[update]) + Math.Abs(r[update]) < 1e6f)) return;
        var slope = 1 + Math.Abs(x[candidate]) + Math.Abs(r[candidate]);
        Assert.Equal((1 - z) * n + z * state, gru, relative * slope * (1 + Math.Abs((double)state)) + closed);
    }

    private static void Refused(UnaryFunction function)
    {
        float x = 0;
        KernelRegistry.Portable.Unary(function, &x, &x, 1, 0, 0);
    }

    private static void Refused(BinaryFunction function)
    {
        float x = 0;
        KernelRegistry.Portable.Binary(function, &x, 1, &x, 1, &x, 1);
    }

    private static float Reference(BinaryFunction function, float a, float b)
    {
        switch (function)
        {
            case BinaryFunction.Add: return a + b;
            case BinaryFunction.Sub: return a - b;
            case BinaryFunction.Mul: return a * b;
            case BinaryFunction.Div: return a / b;
            case BinaryFunction.Pow: return ScalarMath.Pow(a, b);
            case BinaryFunction.Min: return float.IsNaN(a) || float.IsNaN(b) ? float.NaN : a < b ? a : b;
            case BinaryFunction.Max: return float.IsNaN(a) || float.IsNaN(b) ? float.NaN : a > b ? a : b;
            case BinaryFunction.PRelu: return a < 0 ? a * b : a;
            case BinaryFunction.FMod: return a % b;
            case BinaryFunction.Mod:
                var r = a % b;
                return r == 0 ? float.CopySign(0, b) : r < 0 != b < 0 ? r + b : r;
            default: throw new ArgumentOutOfRangeException(nameof(function));
        }
    }
}
