using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Which matrices are stored finer than asked for: those that rounding hurts most, as long as they are few.
/// </summary>
/// <remarks>
/// <para>Of int8 matrices those with a relative error above 1.2% become fp16: their rows hold a few large weights and many small ones.</para>
/// <para>Of int4 matrices, whose errors are some 8%, those at the model's edges become int8 (<see cref="EdgeTensors"/>: the smallest first, up to
/// half of the weights), then those with an error above 10%. On DTLN this takes the error of the mask from 22% to 4% and that of the
/// refined signal from 55% to 7%.</para>
/// <para>It is found as if the user had named no matrix, so that naming one changes no other.</para>
/// </remarks>
internal sealed class SensitiveTensors
{
    private const double LargestInt8Error = 0.012;

    /// <summary>Largest share of a file's int8 weights that becomes fp16: each percent makes the file 1% larger.</summary>
    private const double LargestFloat16Share = 0.035;
    private const double LargestInt4Error = 0.1;
    private const double LargestEdgeShare = 0.5;

    /// <summary>Largest share of a file's int4 weights that becomes int8 for their errors: each percent makes the file 0.9% larger.</summary>
    private const double LargestInt8Share = 0.2;

    private readonly Dictionary<string, RaisedWeights> _raised = new(StringComparer.Ordinal);
    private readonly List<string> _left = [];

    private SensitiveTensors(SeqModelBuilder model, IReadOnlyList<ConvertedTensor> tensors)
    {
        Worst(tensors, WeightKind.Int8, LargestInt8Error, LargestFloat16Share, WeightKind.Float16);
        var int4 = Of(tensors, WeightKind.Int4);
        var left = int4.Sum(t => t.Count) * LargestEdgeShare;
        var edges = EdgeTensors.Find(model);
        foreach (var tensor in int4.Where(t => edges.ContainsKey(t.Name)).OrderBy(t => t.Count))
        {
            left -= tensor.Count;
            if (left >= 0) _raised.Add(tensor.Name, new RaisedWeights(WeightKind.Int8, edges[tensor.Name]));
            else _left.Add(tensor.Name);
        }

        Worst(tensors, WeightKind.Int4, LargestInt4Error, LargestInt8Share, WeightKind.Int8);
        _left.RemoveAll(_raised.ContainsKey);
    }

    /// <summary>The matrices to raise, by name. The shares are the whole file's: what one graph needs another may leave.</summary>
    public IReadOnlyDictionary<string, RaisedWeights> Raised => _raised;

    /// <summary>Matrices at the edge that stay as coarse as asked for, since the others fill the share.</summary>
    public IReadOnlyList<string> LeftAtEdge => _left;

    public static SensitiveTensors Find(SeqModelBuilder model, IReadOnlyList<ConvertedTensor> tensors) => new(model, tensors);

    private void Worst(IReadOnlyList<ConvertedTensor> tensors, WeightKind kind, double largestError, double largestShare, WeightKind to)
    {
        var all = Of(tensors, kind);
        var left = (long)(all.Sum(t => t.Count) * largestShare);
        foreach (var tensor in all.Where(t => t.Error > largestError && !_raised.ContainsKey(t.Name)).OrderByDescending(t => t.Error))
        {
            if (tensor.Count > left) continue;
            left -= tensor.Count;
            _raised.Add(tensor.Name, new RaisedWeights(to, string.Create(CultureInfo.InvariantCulture, $"its error in {kind.Name()} would be {100 * tensor.Error:0.##}%")));
        }
    }

    private static List<ConvertedTensor> Of(IReadOnlyList<ConvertedTensor> tensors, WeightKind kind) => [.. tensors.Where(t => t.Weights == kind)];
}

/// <summary>A matrix stored finer than asked for, and why.</summary>
internal sealed record RaisedWeights(WeightKind Weights, string Why);
