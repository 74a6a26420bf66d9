using SeqRuntime.Converter;

namespace SeqRuntime.Perf.Comparing;

/// <summary>A way of storing weights that is compared: one line each.</summary>
/// <param name="Name">Name in tables and row ids.</param>
/// <param name="Kind">What the converter is asked for.</param>
/// <param name="IsInt8">Products are of int8, not of fp32.</param>
/// <param name="Tolerance">Largest relative difference of a layer's results from those of ONNX Runtime's fp32.</param>
internal sealed record Storage(string Name, WeightKind Kind, bool IsInt8, double Tolerance)
{
    public static IReadOnlyList<Storage> All { get; } =
    [
        new("fp32", WeightKind.Float32, false, 1e-4),
        new("int8", WeightKind.Int8, true, 0.05),
        new("int4", WeightKind.Int4, true, 0.3),
    ];

    public static Storage? Find(string name) => All.FirstOrDefault(store => store.Name == name);
}
