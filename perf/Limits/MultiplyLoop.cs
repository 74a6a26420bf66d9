using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace SeqRuntime.Perf.Limits;

/// <summary>Multiplies and accumulates as fast as one core can: twelve independent sums, operands in the first-level cache.</summary>
/// <param name="Name">Instructions.</param>
/// <param name="Bits">Width of a vector.</param>
/// <param name="IsInt8">Whether int8 products are summed in int32. Otherwise fp32.</param>
/// <param name="Run">Does at least this many multiplications.</param>
internal sealed unsafe record MultiplyLoop(string Name, int Bits, bool IsInt8, Action<long> Run)
{
    private const int Chains = 12;
    private static readonly byte* s_operands = Operands();
    private static int s_sink;

    /// <summary>The loops that this processor supports.</summary>
    public static IReadOnlyList<MultiplyLoop> All { get; } = Find();

    /// <summary>The fp32 loop at the vector width used for shares of the limit.</summary>
    public static MultiplyLoop Float32 { get; } = Usual(false);

    /// <summary>The best int8 loop at that width.</summary>
    public static MultiplyLoop Int8 { get; } = Usual(true);

    private static MultiplyLoop Usual(bool isInt8) => All.First(loop => loop.IsInt8 == isInt8 && loop.Bits <= 256);

    /// <summary>The supported loops, best first.</summary>
    private static List<MultiplyLoop> Find()
    {
        var found = new List<MultiplyLoop>();
        if (X86.Avx512F.IsSupported) found.Add(new("vfmadd", 512, false, Loop<Fma512, Vector512<float>>));
        if (X86.Fma.IsSupported) found.Add(new("vfmadd", 256, false, Loop<Fma256, Vector256<float>>));
        found.Add(new(Arm.AdvSimd.IsSupported ? "fmla" : "fma", 128, false, Loop<Fma128, Vector128<float>>));
        if (X86.Avx512BW.IsSupported) found.Add(new("vpmaddubsw + vpmaddwd + vpaddd", 512, true, Loop<Widening512, Vector512<int>>));
        if (X86.AvxVnni.IsSupported) found.Add(new("vpdpbusd", 256, true, Loop<Vnni256, Vector256<int>>));
        if (X86.Avx2.IsSupported) found.Add(new("vpmaddubsw + vpmaddwd + vpaddd", 256, true, Loop<Widening256, Vector256<int>>));
        if (Arm.Dp.IsSupported) found.Add(new("sdot", 128, true, Loop<NeonDot, Vector128<int>>));
        if (Arm.AdvSimd.IsSupported) found.Add(new("smull + smlal2 + sadalp", 128, true, Loop<NeonWidening, Vector128<int>>));
        if (!X86.Avx2.IsSupported && !Arm.AdvSimd.IsSupported) found.Add(new("32-bit lanes", 128, true, Loop<Lanes128, Vector128<int>>));
        return found;
    }

    /// <summary>The second operand is loaded each time; otherwise the compiler would move the product out of the loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Loop<M, V>(long macs)
        where M : struct, IMultiply<V>
        where V : unmanaged
    {
        var x = *(V*)s_operands;
        V a = default, b = default, c = default, d = default, e = default, f = default;
        V g = default, h = default, i = default, j = default, k = default, l = default;
        var start = (V*)s_operands;
        for (var left = (macs + Chains * M.Macs - 1) / (Chains * M.Macs); left > 0; left--)
        {
            var p = start + (left & 3);
            a = M.Step(a, x, p[0]);
            b = M.Step(b, x, p[1]);
            c = M.Step(c, x, p[2]);
            d = M.Step(d, x, p[3]);
            e = M.Step(e, x, p[4]);
            f = M.Step(f, x, p[5]);
            g = M.Step(g, x, p[6]);
            h = M.Step(h, x, p[7]);
            i = M.Step(i, x, p[8]);
            j = M.Step(j, x, p[9]);
            k = M.Step(k, x, p[10]);
            l = M.Step(l, x, p[11]);
        }

        var sum = M.Add(M.Add(M.Add(a, b), M.Add(c, d)), M.Add(M.Add(e, f), M.Add(g, h)));
        sum = M.Add(sum, M.Add(M.Add(i, j), M.Add(k, l)));
        s_sink += *(int*)&sum;
    }

    private static byte* Operands()
    {
        var bytes = (Chains + 4) * 64;
        var start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        // 0x3c in every byte: small positive numbers, also as fp32.
        new Span<byte>(start, bytes).Fill(0x3c);
        return start;
    }
}

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
