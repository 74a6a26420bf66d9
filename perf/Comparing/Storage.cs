using SeqRuntime.Converter;

namespace SeqRuntime.Perf.Comparing;

/// <summary>A storage of weights that is compared, one line each.</summary>
/// <param name="Name">Name in tables and row ids.</param>
/// <param name="Kind">The converter's option.</param>
/// <param name="IsInt8">Whether products are int8 instead of fp32.</param>
/// <param name="Tolerance">Largest relative difference of a layer's results from ONNX Runtime's fp32 results.</param>
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
