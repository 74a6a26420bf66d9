using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Whole steps in int8: the bits of separate portable kernels (quantization, products, cell), on every set, up and down.</summary>
public sealed unsafe class QuantizedStepTests
{
    private const int Most = 130;

    public static TheoryData<int, string> Layers
    {
        get
        {
            var data = new TheoryData<int, string>();
            foreach (var gates in new[] { 4, 3, 1 })
            {
                foreach (var state in States.Keys) data.Add(gates, state);
            }

            return data;
        }
    }

    /// <summary>States of each kind that the rule of scales tells apart, and whether they fill [-1, 1].</summary>
    private static Dictionary<string, (Action<Random, Span<float>> Change, bool IsFixed)> States { get; } = new()
    {
        ["full"] = ((random, h) => h[random.Next(h.Length)] = -0.9f, true),
        ["just full"] = ((random, h) =>
        {
            Scale(h, 0.4f);
            h[random.Next(h.Length)] = 0.5f;
        }, true),
        ["an ulp outside"] = ((random, h) => h[random.Next(h.Length)] = -1.0000005f, true),
        ["small"] = ((_, h) => Scale(h, 0.49f), false),
        ["tiny"] = ((_, h) => Scale(h, 1e-38f), false),
        ["zero"] = ((_, h) => h.Clear(), false),
        ["outside"] = ((random, h) => h[random.Next(h.Length)] = 3, false),
        ["infinite"] = ((random, h) => h[random.Next(h.Length)] = float.NegativeInfinity, false),
        ["NaN"] = ((random, h) =>
        {
            h[random.Next(h.Length)] = 0.8f;
            h[random.Next(h.Length)] = float.NaN;
            if (!h.Contains(0.8f)) Scale(h, 0.1f);
        }, true),
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_whole_step_has_the_bits_of_its_parts_on_every_set(int gates, string state)
    {
        var random = new Random(gates);
        for (var units = 1; units <= Most; units++)
        {
            using var test = new Case(random, gates, inputs: random.Next(1, 70), units);
            States[state].Change(random, test.Hidden.Span);
            var isFixed = States[state].IsFixed && test.Hidden.Span.ToArray().Any(h => Math.Abs(h) >= 0.5f);
            foreach (var kind in Enumerable.Range(0, 6)) test.Check(random, kind, isFixed);
        }
    }

    private static void Scale(Span<float> values, float factor)
    {
        foreach (ref var value in values) value *= factor;
    }

    /// <summary>One layer: weights, biases, a state, and inputs.</summary>
    private sealed class Case : IDisposable
    {
        private readonly int _gates;
        private readonly int _inputs;
        private readonly int _units;
        private readonly int _rows;
        private readonly PackedMatrix _weights;
        private readonly PackedMatrix _recurrence;
        private readonly List<IDisposable> _owned = [];
        private readonly GuardedMemory<float> _bias;
        private readonly GuardedMemory<float> _x;
        private readonly GuardedMemory<float> _cell;

        public Case(Random random, int gates, int inputs, int units)
        {
            (_gates, _inputs, _units, _rows) = (gates, inputs, units, GateRows.Count(gates, units));
            _weights = Matrix(random, inputs);
            _recurrence = Matrix(random, units);
            _bias = Own(new GuardedMemory<float>(KernelTesting.Values(random, 2 * _rows, oneIn: 0, range: 1)));
            _x = Own(new GuardedMemory<float>(inputs));
            _cell = Own(new GuardedMemory<float>(KernelTesting.Values(random, units, oneIn: 0, range: 1)));
            Hidden = Own(new GuardedMemory<float>(KernelTesting.Values(random, units, oneIn: 0, range: 1)));
        }

        public GuardedMemory<float> Hidden { get; }

        /// <summary>One step with the inputs and biases of a kind.</summary>
        public void Check(Random random, int kind, bool isFixed)
        {
            var (hasInputs, isSteep, isBiased) = (kind != 0, kind is 1 or 2, kind != 3);
            KernelTesting.Values(random, _inputs, oneIn: kind == 4 ? 6 : 0, range: 1).CopyTo(_x.Span);
            var stride = KernelSet.QuantizedStride(_inputs);
            using var q = new GuardedMemory<sbyte>(2 * (int)stride);
            using var scales = new GuardedMemory<float>(2);
            var portable = KernelRegistry.Portable;
            portable.QuantizeRows(_x.Pointer, _inputs, 1, _inputs, 0, q.Pointer, scales.Pointer);
            KernelTesting.Values(random, _inputs, oneIn: 0, range: 0.01f).CopyTo(_x.Span);
            portable.QuantizeRows(_x.Pointer, _inputs, 1, _inputs, 0, q.Pointer + stride, scales.Pointer + 1);
            var step = new RecurrentStep
            {
                Weights = hasInputs ? _weights : default,
                Recurrence = _recurrence,
                Bias = isBiased || !hasInputs ? _bias.Pointer : null,
                RecurrentBias = _gates == 3 && kind != 5 ? _bias.Pointer + _rows : null,
                Quantized = hasInputs ? new QuantizedRows(q.Pointer, stride, scales.Pointer, isSteep ? 2 : 1) : default,
                Hidden = Hidden.Pointer,
                Cell = _gates == 4 ? _cell.Pointer : null,
                Units = _units,
                Gates = _gates,
                IsDescending = random.Next(2) == 0,
            };
            var (hidden, cells) = Parts(step, isFixed);
            foreach (var kernels in KernelTesting.Sets)
            {
                var what = $"{_inputs} → {_units}, {_gates} gates, kind {kind}, on {kernels.Name}";
                var place = (int)KernelSet.QuantizedStride(_units);
                using var state = new GuardedMemory<sbyte>(place);
                using var to = new GuardedMemory<float>(Hidden.Span);
                using var cellTo = new GuardedMemory<float>(_units);
                step.State = state.Pointer;
                step.HiddenOut = to.Pointer;
                step.CellOut = cellTo.Pointer;
                if (kind == 4) step.Hidden = to.Pointer;
                kernels.WholeStep(step);
                Numbers.AssertSameBits(hidden, to.Span, what);
                if (_gates == 4) Numbers.AssertSameBits(cells, cellTo.Span, what);
                state.Check(what);
                to.Check(what);
                cellTo.Check(what);
            }
        }

        public void Dispose()
        {
            foreach (var owned in _owned) owned.Dispose();
        }

        /// <summary>The same step by portable kernels, one for each part.</summary>
        private (float[] Hidden, float[] Cells) Parts(in RecurrentStep step, bool isFixed)
        {
            var portable = KernelRegistry.Portable;
            using var gx = new GuardedMemory<float>(_rows);
            using var gh = new GuardedMemory<float>(_rows);
            using var q = new GuardedMemory<sbyte>((int)KernelSet.QuantizedStride(_units));
            float scale;
            var from = step.Bias;
            for (nint part = 0; part < step.Quantized.Count; part++)
            {
                portable.Multiply(_weights, step.Quantized.Slice(part, 1), new OutputRange(gx.Pointer, _rows, _rows, from));
                from = gx.Pointer;
            }

            portable.QuantizeRows(step.Hidden, _units, 1, _units, isFixed ? 1f / 127f : 0, q.Pointer, &scale);
            portable.Multiply(_recurrence, new QuantizedRows(q.Pointer, 0, &scale, 1), new OutputRange(gh.Pointer, _rows, _rows, _gates == 3 ? step.RecurrentBias : from));
            var (hidden, cells) = (new float[_units], new float[_units]);
            fixed (float* to = hidden, c = cells)
            {
                if (_gates == 4) portable.LstmCell(gh.Pointer, step.Cell, c, to, _units);
                else if (_gates == 3) portable.GruCell(from, gh.Pointer, step.Hidden, to, _units);
                else portable.Unary(UnaryFunction.Tanh, gh.Pointer, to, _units, 0, 0);
            }

            return (hidden, cells);
        }

        private PackedMatrix Matrix(Random random, int columns)
        {
            var weights = new sbyte[_rows * columns];
            for (var i = 0; i < weights.Length; i++) weights[i] = (sbyte)random.Next(-127, 128);
            float[] scales = [.. Enumerable.Range(0, _rows).Select(_ => (random.NextSingle() + 0.5f) / (127 * MathF.Sqrt(columns)))];
            var packed = Own(new GuardedMemory<byte>(Int8Format.Wide.Pack(weights, scales, _rows, columns)));
            return PackedMatrix.Whole(packed.Pointer, new WeightLayout(TensorFormat.PackedInt8, _rows, columns));
        }

        private T Own<T>(T memory)
            where T : IDisposable
        {
            _owned.Add(memory);
            return memory;
        }
    }
}
