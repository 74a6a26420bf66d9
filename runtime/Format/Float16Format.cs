using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>
/// fp16: as fp32, with IEEE 754 binary16. The writer stores finite values only; exponent 31 is read as one more binade.
/// </summary>
internal sealed class Float16Format : NumberFormat<short, Float16Format.Code>
{
    public static readonly Float16Format Instance = new();

    private Float16Format()
        : base(TensorFormat.PackedFloat16, "fp16")
    {
    }

    /// <summary>Packs a row-major matrix [rows, columns], rounded to nearest even. Every value must round to a finite number.</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel) => Instance.PackMatrix(weights, rows, columns, panel);

    internal readonly struct Code : INumberCode<short>
    {
        public static short Store(float weight) => BitConverter.HalfToInt16Bits((Half)weight);

        /// <summary>Sign, exponent and mantissa at their fp32 places, times 2¹¹² for the different bias: exact, denormals included.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static float Value(short stored) => BitConverter.Int32BitsToSingle(stored << 13 & unchecked((int)0x8FFFE000)) * 5.192296858534828e33f;
    }
}
