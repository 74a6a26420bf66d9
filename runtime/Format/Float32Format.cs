using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>fp32: a float for each weight.</summary>
internal sealed class Float32Format : NumberFormat<float, Float32Format.Code>
{
    public static readonly Float32Format Instance = new();

    private Float32Format()
        : base(TensorFormat.PackedFloat32, "fp32")
    {
    }

    /// <summary>Packs a row-major matrix [rows, columns].</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel) => Instance.PackMatrix(weights, rows, columns, panel);

    internal readonly struct Code : INumberCode<float>
    {
        public static float Store(float weight) => weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static float Value(float stored) => stored;
    }
}
