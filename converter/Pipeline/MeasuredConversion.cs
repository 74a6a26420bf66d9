using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Samples;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// Converts a model, and if its weights are rounded, runs it beside the same model in fp32 and measures the outputs. The file's metadata and
/// the result hold what was measured. If the options ask for it, the file also gets recorded runs.
/// </summary>
internal static class MeasuredConversion
{
    /// <inheritdoc cref="Conversion.Convert"/>
    public static ConversionResult Convert(IReadOnlyList<(string Graph, string Path)> sources, ConversionOptions options, IProgress<ConversionProgress>? progress = null)
    {
        var prepared = Conversion.Prepare(sources, options, progress);
        return options.Golden ? Recorded(Measured(prepared, options, progress), progress) : Measured(prepared, options, progress);
    }

    private static ConversionResult Measured(PreparedModel prepared, ConversionOptions options, IProgress<ConversionProgress>? progress)
    {
        if (options.Weights == WeightKind.Float32 && options.WeightsOf.All(o => o.Weights == WeightKind.Float32)) return Conversion.Store(prepared, options, progress);
        var copy = prepared.Copy();
        var result = Conversion.Store(copy, options, progress);
        copy.Forget();
        return result.Tensors.Any(t => t.Error is not null) ? Measured(prepared, result, options, progress) : result;
    }

    private static ConversionResult Measured(PreparedModel prepared, ConversionResult result, ConversionOptions options, IProgress<ConversionProgress>? progress)
    {
        using var stored = result.Stored;
        using var exactFile = prepared.Exact(options, progress);
        Garbage.Collect(result.SourceBytes);
        using SeqModel exact = exactFile.Load(), rounded = stored.Load();
        var measured = Compare(exact, rounded, options, progress);
        MeasuredMetadata.Note(result.Model.Metadata, measured);
        return result with { Stored = ConvertedFile.Of(result.Model), Measured = measured };
    }

    /// <summary>Runs a model beside the same model in fp32, on the samples of the options or on generated ones.</summary>
    /// <exception cref="ConversionException">A file of samples does not fit the model.</exception>
    public static Measurement Compare(SeqModel exact, SeqModel rounded, ConversionOptions options, IProgress<ConversionProgress>? progress)
    {
        var samples = options.Samples.Count == 0 ? SampleSet.None : SampleFiles.Read(options.Samples, exact);
        return ModelError.Of(exact, rounded, samples, (graph, share) => progress?.Report(new ConversionProgress($"{graph}: measuring outputs", Phase.Measuring.At(share))));
    }

    /// <summary>Records runs of the stored model in its file.</summary>
    private static ConversionResult Recorded(ConversionResult result, IProgress<ConversionProgress>? progress)
    {
        progress?.Report(new ConversionProgress("recording runs", 0.99));
        using var stored = result.Stored;
        using var model = stored.Load();
        var golden = GoldenPairs.Of(model);
        result.Model.Golden.AddRange(golden.Graphs);
        return result with { Stored = ConvertedFile.Of(result.Model), Golden = golden };
    }
}
