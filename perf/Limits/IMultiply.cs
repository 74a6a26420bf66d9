using System.Runtime.Intrinsics;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Perf.Limits;

/// <summary>A multiply-accumulate over a vector: acc += a·b.</summary>
internal interface IMultiply<V>
{
    /// <summary>Multiplications of one <see cref="Step"/>.</summary>
    static abstract int Macs { get; }

    static abstract V Step(V acc, V a, V b);

    static abstract V Add(V a, V b);
}

internal readonly struct Fma512 : IMultiply<Vector512<float>>
{
    public static int Macs => 16;

    public static Vector512<float> Step(Vector512<float> acc, Vector512<float> a, Vector512<float> b) => X86.Avx512F.FusedMultiplyAdd(a, b, acc);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;
}

internal readonly struct Fma256 : IMultiply<Vector256<float>>
{
    public static int Macs => 8;

    public static Vector256<float> Step(Vector256<float> acc, Vector256<float> a, Vector256<float> b) => X86.Fma.MultiplyAdd(a, b, acc);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;
}

/// <summary>Two vectors of four lanes, or the runtime's substitute if there is no vector unit.</summary>
internal readonly struct Fma128 : IMultiply<Vector128<float>>
{
    public static int Macs => 4;

    public static Vector128<float> Step(Vector128<float> acc, Vector128<float> a, Vector128<float> b) => Vector128.FusedMultiplyAdd(a, b, acc);

    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;
}

/// <summary>vpmaddubsw, vpmaddwd, vpaddd.</summary>
internal readonly struct Widening512 : IMultiply<Vector512<int>>
{
    public static int Macs => 64;

    public static Vector512<int> Step(Vector512<int> acc, Vector512<int> a, Vector512<int> b) =>
        acc + X86.Avx512BW.MultiplyAddAdjacent(X86.Avx512BW.MultiplyAddAdjacent(a.AsByte(), b.AsSByte()), Vector512<short>.One);

    public static Vector512<int> Add(Vector512<int> a, Vector512<int> b) => a + b;
}

/// <summary>vpmaddubsw, vpmaddwd, vpaddd.</summary>
internal readonly struct Widening256 : IMultiply<Vector256<int>>
{
    public static int Macs => 32;

    public static Vector256<int> Step(Vector256<int> acc, Vector256<int> a, Vector256<int> b) =>
        acc + X86.Avx2.MultiplyAddAdjacent(X86.Avx2.MultiplyAddAdjacent(a.AsByte(), b.AsSByte()), Vector256<short>.One);

    public static Vector256<int> Add(Vector256<int> a, Vector256<int> b) => a + b;
}

/// <summary>vpdpbusd.</summary>
internal readonly struct Vnni256 : IMultiply<Vector256<int>>
{
    public static int Macs => 32;

    public static Vector256<int> Step(Vector256<int> acc, Vector256<int> a, Vector256<int> b) => X86.AvxVnni.MultiplyWideningAndAdd(acc, a.AsByte(), b.AsSByte());

    public static Vector256<int> Add(Vector256<int> a, Vector256<int> b) => a + b;
}

/// <summary>sdot.</summary>
internal readonly struct NeonDot : IMultiply<Vector128<int>>
{
    public static int Macs => 16;

    public static Vector128<int> Step(Vector128<int> acc, Vector128<int> a, Vector128<int> b) => Arm.Dp.DotProduct(acc, a.AsSByte(), b.AsSByte());

    public static Vector128<int> Add(Vector128<int> a, Vector128<int> b) => a + b;
}

/// <summary>smull, smlal2, sadalp.</summary>
internal readonly struct NeonWidening : IMultiply<Vector128<int>>
{
    public static int Macs => 16;

    public static Vector128<int> Step(Vector128<int> acc, Vector128<int> a, Vector128<int> b)
    {
        var products = Arm.AdvSimd.MultiplyWideningLower(a.AsSByte().GetLower(), b.AsSByte().GetLower());
        products = Arm.AdvSimd.MultiplyWideningUpperAndAdd(products, a.AsSByte(), b.AsSByte());
        return Arm.AdvSimd.AddPairwiseWideningAndAdd(acc, products);
    }

    public static Vector128<int> Add(Vector128<int> a, Vector128<int> b) => a + b;
}

/// <summary>int8 products by 32-bit lanes, if there is no instruction for them.</summary>
internal readonly struct Lanes128 : IMultiply<Vector128<int>>
{
    public static int Macs => 4;

    public static Vector128<int> Step(Vector128<int> acc, Vector128<int> a, Vector128<int> b) => acc + a * b;

    public static Vector128<int> Add(Vector128<int> a, Vector128<int> b) => a + b;
}
