using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Products;
using SeqRuntime.Kernels.Sets;
using Lanes16 = SeqRuntime.Tests.Kernels.EmulatedLanes<System.Runtime.Intrinsics.Vector512<float>, System.Runtime.Intrinsics.Vector512<int>>;
using Lanes4 = SeqRuntime.Tests.Kernels.EmulatedLanes<System.Runtime.Intrinsics.Vector128<float>, System.Runtime.Intrinsics.Vector128<int>>;
using Lanes8 = SeqRuntime.Tests.Kernels.EmulatedLanes<System.Runtime.Intrinsics.Vector256<float>, System.Runtime.Intrinsics.Vector256<int>>;

namespace SeqRuntime.Tests.Kernels;

/// <summary>The kernel sets to test, and numbers for them.</summary>
internal static class KernelTesting
{
    private static readonly float[] Extremes =
    [
        0f, -0f, 1f, -1f, float.Epsilon, -float.Epsilon, 1.17549421e-38f, float.MaxValue, -float.MaxValue, float.PositiveInfinity,
        float.NegativeInfinity, float.NaN, 1e-30f, -1e30f, 3.5f, -2.5f,
    ];

    /// <summary>Every kernel set that runs here, by name, for theories.</summary>
    public static TheoryData<string> Runnable => [.. KernelRegistry.Runnable.Select(kernels => kernels.Name)];

    /// <summary>Every kernel set that runs here, and emulations of the other lane widths.</summary>
    public static IReadOnlyList<KernelSet> Sets { get; } =
    [
        .. KernelRegistry.Runnable,
        new SimdKernels<Lanes16, Vector512<float>, Vector512<int>, Int8Products<Lanes8, Vector256<float>, Vector256<int>, EmulatedVnni<Split>, EmulatedSignedVnni, Vector256<int>>, GemmInt4<Lanes8, Vector256<float>, Vector256<int>, EmulatedVnniInt4, Vector256<int>>, SplitSteps<WholeSteps<Lanes16, Vector512<float>, Vector512<int>>, WholeSteps<Lanes8, Vector256<float>, Vector256<int>>>>("emulated 16 lanes, vnni"),
        new SimdKernels<Lanes16, Vector512<float>, Vector512<int>, EmulatedWideProducts, GemmInt4<Lanes8, Vector256<float>, Vector256<int>, EmulatedVnniInt4, Vector256<int>>, SplitSteps<WholeSteps<Lanes16, Vector512<float>, Vector512<int>>, WholeSteps<Lanes8, Vector256<float>, Vector256<int>>>>("emulated 16 lanes, wide vnni"),
        new SimdKernels<Lanes8, Vector256<float>, Vector256<int>, Int8Products<Lanes8, Vector256<float>, Vector256<int>, EmulatedVnni<Whole>, EmulatedSignedVnni, Vector256<int>>, GemmInt4<Lanes8, Vector256<float>, Vector256<int>, EmulatedVnniInt4, Vector256<int>>, SmallSteps<Lanes8, Vector256<float>, Vector256<int>>>("emulated 8 lanes, vnni"),
        new SimdKernels<Lanes4, Vector128<float>, Vector128<int>, Int8Products<Lanes4, Vector128<float>, Vector128<int>, EmulatedNeonInt8, EmulatedNeonInt8, Vector256<int>>, GemmInt4<Lanes4, Vector128<float>, Vector128<int>, EmulatedNeonInt4, Vector256<short>>, BlockSteps<Lanes4, Vector128<float>, Vector128<int>>>("emulated 4 lanes"),
        new SimdKernels<Lanes4, Vector128<float>, Vector128<int>, Int8Products<Lanes4, Vector128<float>, Vector128<int>, EmulatedSdot, EmulatedSdot, Vector128<int>>, GemmInt4<Lanes4, Vector128<float>, Vector128<int>, EmulatedNeonInt4, Vector256<short>>, BlockSteps<Lanes4, Vector128<float>, Vector128<int>>>("emulated 4 lanes, sdot"),
    ];

    public static KernelSet Set(string name) => KernelRegistry.Runnable.Single(kernels => kernels.Name == name);

    /// <summary>Ordinary values, with an extreme one about every <paramref name="oneIn"/> values (0: none).</summary>
    public static float[] Values(Random random, int count, int oneIn = 0, float range = 2)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = oneIn > 0 && random.Next(oneIn) == 0
                ? Extremes[random.Next(Extremes.Length)]
                : (random.NextSingle() - 0.5f) * 2 * range;
        }

        return values;
    }

    /// <summary>An odd size now and then, otherwise anything up to <paramref name="max"/>.</summary>
    public static int Size(Random random, int max) => random.Next(4) switch
    {
        0 => random.Next(1, Math.Min(max, 20) + 1),
        1 => Math.Min(max, 16 * random.Next(1, 9) + random.Next(-1, 2)),
        _ => random.Next(1, max + 1),
    };
}

/// <summary>int8 products of 16 lanes by the loops of wide vectors; with a scale for each group of inputs, of 8 lanes.</summary>
internal readonly unsafe struct EmulatedWideProducts : IInt8Products
{
    public static void ScaledByRow(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8<Lanes16, Vector512<float>, Vector512<int>, EmulatedWideVnni, Vector512<int>>.Run(w, x, y);

    public static void ScaledByGroup(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8Groups<Lanes8, Vector256<float>, Vector256<int>, EmulatedSignedVnni, Vector256<int>>.Run(w, x, y);

    public static QuantizedRow Prepare(sbyte* x, float scale, nint columns) => new(x, scale, 0);

    public static void Panels(in PackedMatrix w, nint first, nint rows, in QuantizedRow x, float* init, float* y) =>
        GemmInt8<Lanes16, Vector512<float>, Vector512<int>, EmulatedWideVnni, Vector512<int>>.Panels(w, first, rows, x, init, y);

    public static void Step(in RecurrentStep step) => QuantizedSteps<Lanes16, Vector512<float>, Vector512<int>, EmulatedWideProducts>.Run(step);
}
