using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// A whole step of a recurrent layer with int8 weights: the gates of 64 units leave the nearest cache only as the new state, and their activations
/// are computed while the next weights load. It uses the same sums and formulas, in the same order, as <see cref="GemmInt8{S,F,I,D,A}"/> followed by
/// <see cref="Cells{S,F,I}"/>.
/// </summary>
/// <remarks>
/// Panels of 64 rows and blocks of 16 units both end where 64 units end. The loop of the products is a method of its own, because its sums need all
/// registers. If the last step walked up, this one walks down, as in <see cref="WholeSteps{S,F,I}"/>.
/// </remarks>
/// <typeparam name="S">Lanes of fp32.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
/// <typeparam name="B">int8 products.</typeparam>
internal static unsafe class QuantizedSteps<S, F, I, B>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
    where B : struct, IInt8Products
{
    private const int Tile = GateRows.BlockUnits;

    /// <summary>Units that are computed together.</summary>
    private const int Chunk = WeightLayout.WidestPanel;

    /// <summary>Floats of their gates in an LSTM, which has the most, with what vectors read behind them.</summary>
    private const int Place = 4 * Chunk + Tile;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in RecurrentStep step)
    {
        var memory = stackalloc float[3 * Place + Tile];
        var gates = (float*)(((nuint)memory + (Tile * sizeof(float) - 1)) & ~(nuint)(Tile * sizeof(float) - 1));
        var gatesH = gates + Place;
        var factors = new Factors(step, gatesH + Place);
        nint rows = step.Recurrence.Layout.PaddedRows, last = (step.Units - 1) & -Chunk;
        for (nint done = 0; done <= last; done += Chunk)
        {
            var unit = step.IsDescending ? last - done : done;
            var units = step.Units - unit < Chunk ? step.Units - unit : Chunk;
            var first = step.Gates * unit;
            var count = rows - first < step.Gates * Chunk ? rows - first : step.Gates * Chunk;
            var init = factors.Inputs(step, first, count, gates);
            if (step.Gates == 3)
            {
                factors.State(step, first, count, factors.RecurrentBias(first), gatesH);
                Cells<S, F, I>.Gru(init, gatesH, step.Hidden + unit, step.HiddenOut + unit, units);
                continue;
            }

            factors.State(step, first, count, init, gates);
            if (step.Gates == 4) Cells<S, F, I>.Lstm(gates, step.Cell + unit, step.CellOut + unit, step.HiddenOut + unit, units);
            else Elementwise<S, F, I>.Unary(UnaryFunction.Tanh, gates, step.HiddenOut + unit, units, 0, 0);
        }
    }

    /// <summary>The quantized inputs and state of a step, and what their products start from.</summary>
    private readonly struct Factors
    {
        private readonly QuantizedRow _x;
        private readonly QuantizedRow _rest;
        private readonly QuantizedRow _state;
        private readonly float* _bias;
        private readonly float* _recurrentBias;

        /// <summary>Elements from a row's bias to the next: 0 if there are none, so that all start from the same zeros.</summary>
        private readonly nint _biasStep;
        private readonly nint _recurrentBiasStep;

        /// <param name="step">The step. Its state is quantized here.</param>
        /// <param name="zeros">A place for zeros to start from.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Factors(in RecurrentStep step, float* zeros)
        {
            var inputs = step.Quantized;
            if (inputs.Count > 0) _x = B.Prepare(inputs.First, *inputs.Scales, step.Weights.Layout.Columns);
            if (inputs.Count > 1) _rest = B.Prepare(inputs.At(1), inputs.Scales[1], step.Weights.Layout.Columns);
            _state = B.Prepare(step.State, Quantize<S, F, I>.State(step.Hidden, step.Units, step.State), step.Units);
            _bias = step.Bias != null ? step.Bias : zeros;
            _biasStep = step.Bias != null ? 1 : 0;
            _recurrentBias = step.RecurrentBias != null ? step.RecurrentBias : zeros;
            _recurrentBiasStep = step.RecurrentBias != null ? 1 : 0;
            if (_bias == zeros || step.Gates == 3 && _recurrentBias == zeros) new Span<float>(zeros, Place).Clear();
        }

        /// <summary>bias + W·x of whole panels.</summary>
        /// <returns>Its place: <paramref name="y"/>, or the biases if they contain W·x.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float* Inputs(in RecurrentStep step, nint first, nint rows, float* y)
        {
            var bias = _bias + first * _biasStep;
            if (_x.First == null) return bias;
            B.Panels(step.Weights, first, rows, _x, bias, y);
            if (_rest.First != null) B.Panels(step.Weights, first, rows, _rest, y, y);
            return y;
        }

        /// <summary>y = init + R·h of whole panels.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void State(in RecurrentStep step, nint first, nint rows, float* init, float* y) => B.Panels(step.Recurrence, first, rows, _state, init, y);

        /// <summary>The biases of R·h from a panel on.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float* RecurrentBias(nint first) => _recurrentBias + first * _recurrentBiasStep;
    }
}
