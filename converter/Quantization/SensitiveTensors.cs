using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Which matrices are stored finer than asked for: those that rounding hurts most, as long as they are few.
/// </summary>
/// <remarks>
/// <para>Of int8 matrices those with a relative error above 1.2% stay float32: their rows hold a few large weights and many small ones.</para>
/// <para>Of int4 matrices, whose errors are some 8%, those at the model's edges become int8 (<see cref="EdgeTensors"/>: together less than
/// half of the weights, or none), then those with an error above 10%. On DTLN this takes the error of the mask from 22% to 4% and that of the
/// refined signal from 55% to 7%.</para>
/// </remarks>
internal static class SensitiveTensors
{
    private const double LargestInt8Error = 0.012;

    /// <summary>Largest share of a file's int8 weights that stays float32: each percent makes the file 3% larger.</summary>
    private const double LargestFloat32Share = 0.035;
    private const double LargestInt4Error = 0.1;
    private const double LargestEdgeShare = 0.5;

    /// <summary>Largest share of a file's int4 weights that becomes int8 for their errors: each percent makes the file 0.9% larger.</summary>
    private const double LargestInt8Share = 0.2;

    /// <summary>The matrices to raise, by name. The shares are the whole file's: what one graph needs another may leave.</summary>
    public static Dictionary<string, RaisedWeights> Find(SeqModelBuilder model, IReadOnlyList<ConvertedTensor> tensors)
    {
        var raised = new Dictionary<string, RaisedWeights>(StringComparer.Ordinal);
        var edges = EdgeTensors.Find(model);
        Worst(tensors, WeightKind.Int8, LargestInt8Error, LargestFloat32Share, WeightKind.Float32, raised);
        var int4 = Free(tensors, WeightKind.Int4);
        var atEdge = int4.Where(t => edges.Contains(t.Name)).ToList();
        if (atEdge.Sum(t => t.Count) < int4.Sum(t => t.Count) * LargestEdgeShare)
        {
            foreach (var tensor in atEdge) raised.Add(tensor.Name, new RaisedWeights(WeightKind.Int8, "at the graph's edge"));
        }

        Worst(tensors, WeightKind.Int4, LargestInt4Error, LargestInt8Share, WeightKind.Int8, raised);
        return raised;
    }

    private static void Worst(IReadOnlyList<ConvertedTensor> tensors, WeightKind kind, double largestError, double largestShare, WeightKind to, Dictionary<string, RaisedWeights> raised)
    {
        var free = Free(tensors, kind);
        var left = (long)(free.Sum(t => t.Count) * largestShare);
        foreach (var tensor in free.Where(t => t.Error > largestError && !raised.ContainsKey(t.Name)).OrderByDescending(t => t.Error))
        {
            if (tensor.Count > left) continue;
            left -= tensor.Count;
            raised.Add(tensor.Name, new RaisedWeights(to, string.Create(CultureInfo.InvariantCulture, $"its error in {kind.Name()} would be {100 * tensor.Error:0.##}%")));
        }
    }

    private static List<ConvertedTensor> Free(IReadOnlyList<ConvertedTensor> tensors, WeightKind kind) => [.. tensors.Where(t => t.Weights == kind && !t.IsAsked)];
}

/// <summary>A matrix stored finer than asked for, and why.</summary>
internal sealed record RaisedWeights(WeightKind Weights, string Why);
