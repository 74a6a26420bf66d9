using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter;

/// <summary>How weight matrices are stored.</summary>
public enum WeightKind
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>Signed 8-bit integers, symmetric, with one scale a row. Small tensors stay float32 or become float16.</summary>
    Int8,

    /// <summary>IEEE 754 binary16; products compute in float32. Small tensors, and weights outside its range, stay float32.</summary>
    Float16,

    /// <summary>Signed 4-bit integers, with one scale a row and one a group of 32 inputs. The most sensitive tensors become <see cref="Int8"/>; small tensors stay float32 or become float16.</summary>
    Int4,

    /// <summary>bfloat16, multiplied and summed as float32; small tensors stay float32.</summary>
    BFloat16,

    /// <summary>As <see cref="Int8"/>, with one scale a row and group of 32 inputs.</summary>
    Int8Grouped,
}

/// <summary>All storages of weight matrices.</summary>
internal static class WeightKinds
{
    /// <summary>The finest first.</summary>
    public static IReadOnlyList<WeightStorage> All { get; } = [new Float32Storage(), new Float16Storage(), new BFloat16Storage(), new Int8GroupStorage(), new Int8Storage(), new Int4Storage()];

    private static readonly Dictionary<WeightKind, WeightStorage> s_byKind = All.ToDictionary(storage => storage.Kind);

    public static WeightStorage Storage(this WeightKind kind) => s_byKind[kind];

    public static string Name(this WeightKind kind) => kind.Storage().Name;

    /// <summary>A storage and the finer ones that may replace it, in order.</summary>
    public static IEnumerable<WeightKind> AndFiner(this WeightKind kind)
    {
        for (WeightKind? next = kind; next is { } one; next = one.Storage().Finer) yield return one;
    }

    public static WeightKind? Parse(string name) => All.FirstOrDefault(storage => storage.Name == name)?.Kind;

    /// <summary>The storage that writes a format; null for dense tensors.</summary>
    public static WeightStorage? Of(TensorFormat format) => All.FirstOrDefault(storage => storage.Formats.Any(f => f.Number == format));
}
