using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>
/// The kernel contract: all kernels that operators call. Each instruction set implements it with the same
/// bits as <c>portable</c>.
/// </summary>
/// <remarks>
/// <para><b>Order of sums.</b> In matrix products each output is one chain over inputs in ascending order, started from
/// its initial value: <c>acc = init; acc = fma(w[k], x[k], acc)</c>. Integer sums are exact. Sums along a row
/// (<see cref="Reduce(ReduceFunction, float*, nint, nint, float*)"/>, softmax, normalization) accumulate into 16 partial sums, element i into partial i mod 16, which
/// then fold 16→8→4→2→1 by adding the upper half to the lower.</para>
/// <para><b>Special values.</b> Elementwise Min and Max give NaN if either operand is NaN; a reduction by Min or Max skips
/// NaNs. All NaN results count as equal (payload and sign depend on the processor). Denormals are kept.</para>
/// <para><b>Memory.</b> A kernel writes exactly the requested elements. It may read up to 64 bytes past the end of
/// an input row or block; every allocation has that room. Pointers need only the alignment of their element.</para>
/// <para>No method allocates, throws or checks arguments: operators validate shapes first.</para>
/// </remarks>
internal abstract unsafe class KernelSet
{
    /// <summary>Bytes that may be read past the end of any input.</summary>
    public const int ReadSlack = SeqLayout.ReadSlack;

    /// <summary>Lanes of the widest vectors. Products read their weights by tiles of as many rows, and work is counted in such vectors.</summary>
    public const int Tile = 16;

    /// <summary>Name as the environment variable and the log use it: portable, sse41, avx2, avxvnni, avx512, advsimd, advsimd-dp.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Y[i, r] = init[i, r] + Σ_k W[r, k]·X[i, k] for all rows i of X and the outputs r that are asked for, with weights of a format whose products
    /// take fp32 inputs: each weight is converted to fp32 exactly.
    /// </summary>
    public abstract void Multiply(in PackedMatrix w, in FloatRows x, in OutputRange y);

    /// <summary>
    /// The same with weights of a format whose products take quantized inputs (<see cref="WeightFormat.IsInteger"/>): exact integer sums, scaled. How, each
    /// format's loop says. int8: Y[i, r] =
    /// fma((float)Σ_k Wq[r, k]·Xq[i, k], wscale[r]·xscale[i], init[i, r]). int4: Y[i, r] = fma((float)Σ_g s[r, g]·Σ_k∈g Wq[r, k]·Xq[i, k],
    /// wscale[r]·xscale[i], init[i, r]), g over groups of 32 inputs with group scales s.
    /// </summary>
    public abstract void Multiply(in PackedMatrix w, in QuantizedRows x, in OutputRange y);

    /// <summary>
    /// Quantizes rows symmetrically to [-127, 127]: q = round-to-nearest-even(x · (1/scale)), where 1/scale = 127/absmax is one
    /// IEEE division and scale = absmax/127 another.
    /// </summary>
    /// <remarks>
    /// NaN becomes 0 and does not count in absmax; ±∞ becomes ±127 and counts as <see cref="float.MaxValue"/>. An absmax below 2⁻¹¹⁹ counts
    /// as that, and a row of zeros has the scale 0. Columns from <paramref name="k"/> up to <see cref="QuantizedStride"/> become 0.
    /// </remarks>
    /// <param name="x">Rows to quantize.</param>
    /// <param name="ldx">Elements between rows of x.</param>
    /// <param name="m">Rows.</param>
    /// <param name="k">Columns.</param>
    /// <param name="fixedScale">0 to measure each row; otherwise the scale for all rows (values beyond ±127·scale saturate).</param>
    /// <param name="q">Result, rows <see cref="QuantizedStride"/>(k) bytes apart.</param>
    /// <param name="scales">Scale of each row.</param>
    public abstract void QuantizeRows(float* x, nint ldx, int m, int k, float fixedScale, sbyte* q, float* scales);

    /// <summary>The same by each row's own range, with the sum of the squares of each quantized row. It is exact up to <see cref="MostMeasured"/> columns.</summary>
    /// <param name="x">Rows to quantize.</param>
    /// <param name="ldx">Elements between rows of x.</param>
    /// <param name="m">Rows.</param>
    /// <param name="k">Columns.</param>
    /// <param name="q">Result.</param>
    /// <param name="scales">Scale of each row.</param>
    /// <param name="squares">Sum of each row.</param>
    public abstract void QuantizeMany(float* x, nint ldx, int m, int k, sbyte* q, float* scales, float* squares);

    /// <summary>Columns whose squares, of at most 127² each, have a sum below 2²⁴.</summary>
    public const int MostMeasured = (1 << 24) / (127 * 127);

    /// <summary>Whether the largest magnitude of a row lies between two positive bounds. NaN does not count.</summary>
    public abstract bool IsWithin(float* x, nint n, float least, float most);

    /// <summary>Bytes of one quantized row: columns rounded up to 64.</summary>
    public static nint QuantizedStride(int columns) => ((nint)columns + 63) & ~63;

    /// <summary>Y[i, j] = init[i, j] + Σ_k A[i, k]·B[k, j], both dense, j in lanes, k over the rows of B. Rows of B may overlap, which makes it a convolution.</summary>
    public abstract void GemmDense(in FloatRows a, in FloatRows b, in OutputRange y);

    /// <summary>Sums over sliding windows, windows in lanes: what convolutions are made of.</summary>
    public abstract void Windows(in WindowRows rows);

    /// <summary>The panels of a matrix as fp32, in their own order, with weights of a format whose products take fp32 inputs. <paramref name="to"/> has room for whole vectors.</summary>
    /// <param name="w">Packed weights.</param>
    /// <param name="to">Receives an fp32 for each stored weight.</param>
    public abstract void Unpack(in PackedMatrix w, float* to);

    /// <summary>y[i] = f(x[i]); x and y may be the same. <paramref name="alpha"/> and <paramref name="beta"/> are the function's parameters.</summary>
    public abstract void Unary(UnaryFunction function, float* x, float* y, nint n, float alpha, float beta);

    /// <summary>y[i] = f(a[i], b[i]); a stride of 0 repeats one element, 1 takes consecutive elements. Arithmetic functions only (Add … PRelu); y may be a or b.</summary>
    public abstract void Binary(BinaryFunction function, float* a, int strideA, float* b, int strideB, float* y, nint n);

    /// <summary>y[i] is the reduction of row i; rows of n ≥ 0 elements lie one after the other. Each follows the fixed order of the class remarks. All <see cref="ReduceFunction"/> values; LogSumExp is shifted by the maximum.</summary>
    public abstract void Reduce(ReduceFunction function, float* x, nint rows, nint n, float* y);

    /// <summary>Reduction of one row.</summary>
    public float Reduce(ReduceFunction function, float* x, nint n)
    {
        float y;
        Reduce(function, x, 1, n, &y);
        return y;
    }

    /// <summary>Softmax (or its logarithm) of each of some adjacent rows, shifted by its maximum; x and y may be the same.</summary>
    public abstract void Softmax(float* x, float* y, nint rows, nint n, bool logarithm);

    /// <summary>y = (x - mean)/sqrt(var + epsilon)·gain + bias over each of some adjacent rows; mean is taken as 0 where <paramref name="rms"/>. gain and bias, of one row, may be null; x and y may be the same.</summary>
    public abstract void Normalize(float* x, float* gain, float* bias, float* y, nint rows, nint n, float epsilon, bool rms);

    /// <summary>
    /// One LSTM cell update for <paramref name="hidden"/> units from pre-activations in the order of
    /// <see cref="GateRows"/> (i, f, g, o): c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c').
    /// cell, cellOut (may be the same) and hiddenOut hold hidden units each; exactly hidden elements are written.
    /// </summary>
    public abstract void LstmCell(float* gates, float* cell, float* cellOut, float* hiddenOut, int hidden);

    /// <summary>
    /// One GRU cell update (reset after the product: n = tanh(gx_n + r·gh_n)) from pre-activations in the order of
    /// <see cref="GateRows"/> (r, z, n): h' = (1 - z)·n + z·h, computed as n + z·(h - n).
    /// </summary>
    public abstract void GruCell(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, int units);

    /// <summary>
    /// Whether two rows of quantized inputs are multiplied faster by one walk over the weights than by a walk for each: the loop of two rows loads less, but needs more registers.
    /// </summary>
    public abstract bool SharesWeights { get; }

    /// <summary>Largest fp32 weights of a layer, in bytes, for which a whole step is faster than separate kernels; in int8 it always is.</summary>
    public abstract long MostStepBytes { get; }

    /// <summary>
    /// A whole step of one row with weights in fp32, or in int8 with a scale a row: <see cref="LstmCell"/> of bias + W·x + R·h,
    /// <see cref="GruCell"/> of bias + W·x and recurrent bias + R·h, or tanh of bias + W·x + R·h. int8: the state is quantized by the rule of
    /// <see cref="StateScale"/>.
    /// </summary>
    public abstract void WholeStep(in RecurrentStep step);
}
