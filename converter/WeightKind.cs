using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter;

/// <summary>How weight matrices are stored.</summary>
public enum WeightKind
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>Signed 8-bit integers, symmetric, one scale a row; small tensors stay float32.</summary>
    Int8,

    /// <summary>IEEE 754 binary16, multiplied and summed as float32; small tensors and weights beyond its range stay float32.</summary>
    Float16,

    /// <summary>Signed 4-bit integers, one scale a row and one a group of 32 inputs; what 4 bits would hurt most is stored as <see cref="Int8"/>, small tensors stay float32.</summary>
    Int4,
}

/// <summary>All storages.</summary>
internal static class WeightKinds
{
    /// <summary>The finest first.</summary>
    public static IReadOnlyList<WeightStorage> All { get; } = [new Float32Storage(), new Float16Storage(), new Int8Storage(), new Int4Storage()];

    private static readonly Dictionary<WeightKind, WeightStorage> s_byKind = All.ToDictionary(storage => storage.Kind);

    public static WeightStorage Storage(this WeightKind kind) => s_byKind[kind];

    public static string Name(this WeightKind kind) => kind.Storage().Name;

    /// <summary>A storage and those that take its place, one after the other.</summary>
    public static IEnumerable<WeightKind> AndFiner(this WeightKind kind)
    {
        for (WeightKind? next = kind; next is { } one; next = one.Storage().Finer) yield return one;
    }

    public static WeightKind? Parse(string name) => All.FirstOrDefault(storage => storage.Name == name)?.Kind;

    /// <summary>The storage that makes a format; null for dense tensors.</summary>
    public static WeightStorage? Of(TensorFormat format) => All.FirstOrDefault(storage => storage.Formats.Any(f => f.Number == format));
}
