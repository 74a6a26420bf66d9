using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>bf16: as fp32, with bfloat16, the upper half of a float. Any content gives the same bits on every kernel set.</summary>
internal sealed class BFloat16Format : NumberFormat<short, BFloat16Format.Code>
{
    public static readonly BFloat16Format Instance = new();

    private BFloat16Format()
        : base(TensorFormat.PackedBFloat16, "bf16") => Minor = 1;

    /// <summary>Packs a row-major matrix [rows, columns], rounded to nearest even. Every value must round to a finite number.</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel) => Instance.PackMatrix(weights, rows, columns, panel);

    /// <summary>A finite value as it is stored, as fp32.</summary>
    public static float Rounded(float value) => Code.Value(Code.Store(value));

    internal readonly struct Code : INumberCode<short>
    {
        public static short Store(float weight)
        {
            var bits = BitConverter.SingleToInt32Bits(weight);
            return (short)(bits + 0x7FFF + (bits >> 16 & 1) >> 16);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static float Value(short stored) => BitConverter.Int32BitsToSingle(stored << 16);
    }
}
