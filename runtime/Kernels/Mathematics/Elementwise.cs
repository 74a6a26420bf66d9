using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Elementwise loops, written once: the function is a type argument.</summary>
internal static unsafe class Elementwise<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unary(UnaryFunction function, float* x, float* y, nint n, float alpha, float beta)
    {
        switch (function)
        {
            case UnaryFunction.Abs: Map<AbsFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Neg: Map<NegFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Exp: Map<ExpFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Log: Map<LogFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Sqrt: Map<SqrtFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Reciprocal: Map<ReciprocalFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Relu: Map<ReluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.LeakyRelu: Map<LeakyReluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Elu: Map<EluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Selu: Map<SeluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Celu: Map<CeluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.ThresholdedRelu: Map<ThresholdedReluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Sigmoid: Map<SigmoidFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.HardSigmoid: Map<HardSigmoidFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.HardSwish: Map<HardSwishFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Softplus: Map<SoftplusFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Softsign: Map<SoftsignFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Tanh: Map<TanhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Erf: Map<ErfFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Gelu: Map<GeluFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.GeluTanh: Map<GeluTanhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Swish: Map<SwishFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Mish: Map<MishFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Sin: Map<SinFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Cos: Map<CosFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Tan: Map<TanFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Asin: Map<AsinFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Acos: Map<AcosFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Atan: Map<AtanFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Sinh: Map<SinhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Cosh: Map<CoshFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Asinh: Map<AsinhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Acosh: Map<AcoshFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Atanh: Map<AtanhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Ceil: Map<CeilFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Floor: Map<FloorFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Round: Map<RoundFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Sign: Map<SignFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Affine: Map<AffineFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.ScaledTanh: Map<ScaledTanhFunction>(x, y, n, alpha, beta); break;
            case UnaryFunction.Clip: Map<ClipFunction>(x, y, n, alpha, beta); break;
            default: KernelError.NotArithmetic(function); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Binary(BinaryFunction function, float* a, int strideA, float* b, int strideB, float* y, nint n)
    {
        switch (function)
        {
            case BinaryFunction.Add: Map<AddFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Sub: Map<SubFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Mul: Map<MulFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Div: Map<DivFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Min: Map<MinFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Max: Map<MaxFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.PRelu: Map<PReluFunction>(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Pow: Power(a, strideA, b, strideB, y, n); break;
            case BinaryFunction.Mod:
                for (nint i = 0; i < n; i++) y[i] = ScalarMath.Mod(a[i * strideA], b[i * strideB]);
                break;
            case BinaryFunction.FMod:
                for (nint i = 0; i < n; i++) y[i] = a[i * strideA] % b[i * strideB];
                break;
            default: KernelError.NotArithmetic(function); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Power(float* a, int strideA, float* b, int strideB, float* y, nint n)
    {
        if (strideB == 0 && strideA == 1 && *b == 2) Map<MulFunction>(a, 1, a, 1, y, n);
        else
        {
            for (nint i = 0; i < n; i++) y[i] = ScalarMath.Pow(a[i * strideA], b[i * strideB]);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Map<TFunction>(float* x, float* y, nint n, float alpha, float beta)
        where TFunction : struct, IUnaryFunction
    {
        var a = S.Broadcast(alpha);
        var b = S.Broadcast(beta);
        var beside = stackalloc float[KernelSet.Tile];
        nint i = 0;
        if (S.Interleaves && !TFunction.IsLong) i = Whole<TFunction>(x, y, n, alpha, beta);
        for (; i < n; i += S.Lanes) S.Store(Lanes<S, F, I>.Target(y, i, n, beside), TFunction.Invoke<S, F, I>(S.Load(x + i), a, b));
        Lanes<S, F, I>.Flush(y, n, beside);
    }

    /// <summary>The elements that fill four vectors at a time; returns their number. Inlined, it would leave too few local variables for the rest.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static nint Whole<TFunction>(float* x, float* y, nint n, float alpha, float beta)
        where TFunction : struct, IUnaryFunction
    {
        var a = FourVectors<S, F, I>.Broadcast(alpha);
        var b = FourVectors<S, F, I>.Broadcast(beta);
        nint i = 0;
        for (; i + 4 * S.Lanes <= n; i += 4 * S.Lanes)
        {
            FourVectors<S, F, I>.Store(y + i, TFunction.Invoke<FourVectors<S, F, I>, Four<F>, Four<I>>(FourVectors<S, F, I>.Load(x + i), a, b));
        }

        return i;
    }

    /// <summary>An argument of stride 0 is read once, before y is written, because y may overlap it.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Map<TFunction>(float* a, int strideA, float* b, int strideB, float* y, nint n)
        where TFunction : struct, IBinaryFunction
    {
        if (n == 0) return;
        var beside = stackalloc float[KernelSet.Tile];
        var va = S.Broadcast(*a);
        var vb = S.Broadcast(*b);
        nint i = 0;
        if (S.Interleaves && strideA != 0 && strideB != 0) i = Whole<TFunction>(a, b, y, n);
        for (; i < n; i += S.Lanes)
        {
            if (strideA != 0) va = S.Load(a + i);
            if (strideB != 0) vb = S.Load(b + i);
            S.Store(Lanes<S, F, I>.Target(y, i, n, beside), TFunction.Invoke<S, F, I>(va, vb));
        }

        Lanes<S, F, I>.Flush(y, n, beside);
    }

    /// <summary>The same for two arguments of stride 1.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static nint Whole<TFunction>(float* a, float* b, float* y, nint n)
        where TFunction : struct, IBinaryFunction
    {
        nint i = 0;
        for (; i + 4 * S.Lanes <= n; i += 4 * S.Lanes)
        {
            FourVectors<S, F, I>.Store(y + i, TFunction.Invoke<FourVectors<S, F, I>, Four<F>, Four<I>>(FourVectors<S, F, I>.Load(a + i), FourVectors<S, F, I>.Load(b + i)));
        }

        return i;
    }
}
