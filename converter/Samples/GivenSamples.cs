using SeqRuntime.Converter.IO;
using SeqRuntime.Format;
using SeqRuntime.Verifying;

namespace SeqRuntime.Converter.Samples;

/// <summary>
/// Fits arrays to the inputs of a graph. An array may have the input's shape, or one axis more for the runs; axes of one element in front may be
/// missing; a one-dimensional array may hold many inputs of a fixed size. Inputs without an array get lengths, masks or positions.
/// </summary>
internal sealed class GivenSamples
{
    private readonly SeqModel _model;
    private readonly SeqGraphInfo _graph;
    private readonly string? _batch;
    private readonly string? _time;
    private readonly ICollection<string> _caches;

    public GivenSamples(SeqModel model, SeqGraphInfo graph)
    {
        var caches = SampleSizes.CachesOf(model, graph).Keys;
        (_model, _graph, _caches) = (model, graph, caches);
        _batch = SampleSizes.BatchOf(graph, caches);
        _time = SampleSizes.TimeOf(graph, _batch, caches);
    }

    /// <summary>The samples of a file.</summary>
    /// <param name="arrays">Arrays by the name of the input.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ConversionException">An array does not fit its input, or one is missing.</exception>
    public GraphSamples Of(Dictionary<string, NpyArray> arrays, string path)
    {
        var sizes = new Dictionary<string, int>();
        var fits = new Fit?[_graph.Inputs.Count];
        foreach (var (name, array) in arrays)
        {
            var input = _graph.Inputs.First(i => i.Name == name);
            fits[input.Index] = FitOf(input, array, sizes, path);
        }

        var facts = GeneratedSamples.FactsOf(_model, _graph);
        foreach (var input in _graph.Inputs)
        {
            if (fits[input.Index] is null && facts[input.Index].Kind is not (InputKind.Lengths or InputKind.Ones or InputKind.Positions))
                throw new ConversionException($"{path}: input '{input.Name}' {Described(input)} of graph '{_graph.Name}' is missing; save an array of that name too");
        }

        var runs = fits.Where(f => f is { Runs: > 1 }).Select(f => f!.Runs).Distinct().ToList();
        if (runs.Count > 1) throw new ConversionException($"{path}: arrays have different numbers of runs ({string.Join(", ", runs)})");
        foreach (var symbol in _graph.Symbols.Where(s => !_caches.Contains(s))) sizes.TryAdd(symbol, 1);
        var count = runs.Count == 0 ? 1 : runs[0];
        var areApart = _graph.States.Count == 0 || Array.Exists(fits, f => f is { IsBatch: true, Runs: > 1 });
        var length = _time is null ? GeneratedSamples.LengthOf(_graph, new SampleSizes(sizes, null, 0, null)) : sizes[_time];
        IEnumerable<SampleSequence> sequences = areApart
            ? Enumerable.Range(0, count).Select(i => new GivenSequence(_graph, fits, facts, sizes, i, 1, length))
            : [new GivenSequence(_graph, fits, facts, sizes, 0, count, length)];
        return new GraphSamples(_graph.Name, [.. sequences], Path.GetFileName(path), IsGiven: true, SampleSizes.IsSignalOf(_graph, _time) ? null : _time);
    }

    private Fit FitOf(SeqPortInfo input, NpyArray array, Dictionary<string, int> sizes, string path)
    {
        var wanted = StoredTypes.From(input.Type!.Value);
        var converted = array.ConvertTo(wanted) ?? throw new ConversionException($"{path}: input '{input.Name}' is {wanted.Name()}, the array is {array.Type.Name()}; save it as array.astype('{wanted.Name()}')");
        if (array.Count == 0) throw new ConversionException($"{path}: the array of input '{input.Name}' is empty");
        var dimensions = input.Dimensions!;
        var isBatched = dimensions.Count > 1 && dimensions[0].Symbol is { } first && first == _batch && array.Shape.Length == dimensions.Count;
        if (isBatched && Fits(dimensions, [1, .. array.Shape[1..]], sizes)) return new Fit(converted.Data, array.Shape[0], IsBatch: true);
        if (!isBatched && Fits(dimensions, array.Shape, sizes)) return new Fit(converted.Data, 1, false);
        if (array.Shape.Length > 0 && Fits(dimensions, array.Shape[1..], sizes)) return new Fit(converted.Data, array.Shape[0], false);
        var elements = dimensions.Aggregate(1L, (product, d) => product * (d.Size ?? 0));
        if (array.Shape.Length == 1 && elements > 0 && array.Count >= elements) return new Fit(converted.Data[..(int)(array.Count / elements * elements * wanted.Size())], (int)(array.Count / elements), false);
        var known = string.Join(", ", sizes.Where(s => dimensions.Any(d => d.Symbol == s.Key)).Select(s => $"{s.Key} = {s.Value}"));
        throw new ConversionException($"{path}: input '{input.Name}' of graph '{_graph.Name}' is {Described(input)}{(known.Length > 0 ? $" where {known}" : "")}, the array is [{string.Join(", ", array.Shape)}]; give arrays of this shape, with one axis more in front for several runs");
    }

    /// <summary>Whether a shape is that of an input, to which ones in front are added. Binds the sizes of symbolic dimensions.</summary>
    private bool Fits(IReadOnlyList<SeqDimension> dimensions, int[] shape, Dictionary<string, int> sizes)
    {
        if (shape.Length > dimensions.Count) return false;
        int[] all = [.. Enumerable.Repeat(1, dimensions.Count - shape.Length), .. shape];
        var bound = new Dictionary<string, int>();
        for (var i = 0; i < all.Length; i++)
        {
            if (dimensions[i].Size is { } size ? size != all[i] : bound.GetValueOrDefault(dimensions[i].Symbol!, sizes.GetValueOrDefault(dimensions[i].Symbol!, all[i])) != all[i]) return false;
            if (dimensions[i].Symbol is { } symbol && !_caches.Contains(symbol)) bound[symbol] = all[i];
        }

        foreach (var (symbol, size) in bound) sizes[symbol] = size;
        return true;
    }

    private static string Described(SeqPortInfo input) => $"[{string.Join(", ", input.Dimensions!)}]";

    /// <summary>The elements of an input for some runs, or for every run if it is one.</summary>
    private sealed record Fit(byte[] Data, int Runs, bool IsBatch);

    private sealed class GivenSequence(SeqGraphInfo graph, Fit?[] fits, InputFact[] facts, Dictionary<string, int> sizes, int first, int runs, int length) : SampleSequence
    {
        public override int Runs => runs;

        public override IReadOnlyDictionary<string, int> Sizes => sizes;

        public override void Write(int run, int input, Span<byte> elements)
        {
            if (fits[input] is not { } fit)
            {
                GeneratedInput.Fill(graph.Inputs[input].Type!.Value, facts[input], elements, (first, run, input), length);
                return;
            }

            var bytes = fit.Data.Length / fit.Runs;
            fit.Data.AsSpan(fit.Runs == 1 ? 0 : (first + run) * bytes, bytes).CopyTo(elements);
        }
    }
}
