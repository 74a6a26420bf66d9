using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Chooses the matrices that are stored finer than asked for: those with the largest rounding errors, up to a share of the file.
/// </summary>
/// <remarks>
/// <para>An int8 matrix with a relative error above 1.2% becomes fp16: its rows hold a few large weights and many small ones.</para>
/// <para>The errors of int4 matrices are about 8%. Those at the model's edges become int8 (<see cref="EdgeTensors"/>: the smallest first, up to
/// half of the weights), then those with an error above 10%. On DTLN this lowers the error of the mask from 22% to 4% and that of the
/// refined signal from 55% to 7%.</para>
/// <para>The choice ignores the matrices that the user named, so naming one changes no other.</para>
/// </remarks>
internal sealed class SensitiveTensors
{
    private readonly Dictionary<string, RaisedWeights> _raised = new(StringComparer.Ordinal);
    private readonly List<string> _left = [];

    private SensitiveTensors(SeqModelBuilder model, IReadOnlyList<ConvertedTensor> tensors)
    {
        var edges = EdgeTensors.Find(model);
        foreach (var storage in WeightKinds.All)
        {
            if (storage.Raising is not { } raising) continue;
            List<ConvertedTensor> all = [.. tensors.Where(t => t.Weights == storage.Kind)];
            if (raising.EdgeShare > 0) Edges(all, raising, edges);
            Worst(all, storage, raising);
        }

        _left.RemoveAll(_raised.ContainsKey);
    }

    /// <summary>The matrices to raise, by name. The share is of the whole file: one graph may use what another leaves.</summary>
    public IReadOnlyDictionary<string, RaisedWeights> Raised => _raised;

    /// <summary>Matrices at the edge that keep the storage asked for, because smaller ones fill the share.</summary>
    public IReadOnlyList<string> LeftAtEdge => _left;

    public static SensitiveTensors Find(SeqModelBuilder model, IReadOnlyList<ConvertedTensor> tensors) => new(model, tensors);

    private void Edges(List<ConvertedTensor> all, Raising raising, Dictionary<string, string> edges)
    {
        var left = all.Sum(t => t.Count) * raising.EdgeShare;
        foreach (var tensor in all.Where(t => edges.ContainsKey(t.Name)).OrderBy(t => t.Count))
        {
            left -= tensor.Count;
            if (left >= 0) _raised.Add(tensor.Name, new RaisedWeights(raising.To, edges[tensor.Name]));
            else _left.Add(tensor.Name);
        }
    }

    private void Worst(List<ConvertedTensor> all, WeightStorage storage, Raising raising)
    {
        var left = (long)(all.Sum(t => t.Count) * raising.LargestShare);
        foreach (var tensor in all.Where(t => t.Error > raising.LargestError && !_raised.ContainsKey(t.Name)).OrderByDescending(t => t.Error))
        {
            if (tensor.Count > left) continue;
            left -= tensor.Count;
            _raised.Add(tensor.Name, new RaisedWeights(raising.To, string.Create(CultureInfo.InvariantCulture, $"its error in {storage.Name} would be {100 * tensor.Error:0.##}%")));
        }
    }
}

/// <summary>A matrix stored finer than asked for, and why.</summary>
internal sealed record RaisedWeights(WeightKind Weights, string Why);
