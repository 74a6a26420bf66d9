using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Commands;

/// <summary>Decoding options from the command line. Null means that the model decides.</summary>
internal sealed record FrameChoice(int Beam, int Best, bool AreLogits, string? Blank, string? TokensFile);

/// <summary>Decodes arrays of frames with a CTC model or a transducer.</summary>
internal static class FrameDecoding
{
    /// <summary>The limit of a result's tokens if the model sets none and the recording has fewer frames.</summary>
    private const int LeastTokens = 1024;
    private const int MostTokens = 1 << 20;

    /// <exception cref="ConversionException">The model cannot be decoded, or an array does not fit it.</exception>
    public static FrameReport Run(string path, SeqModel model, string kind, IEnumerable<string> files, FrameChoice choice)
    {
        if (choice.AreLogits && kind != DecodingKeys.Ctc)
            throw new ConversionException($"{path}: --logits needs a model of kind {DecodingKeys.Ctc}; this model is a {kind}, which scores the labels again after each token: give features");
        var recordings = Recording.ReadAll(files).ToList();
        var entries = Entries(path, model, choice.TokensFile);
        var blank = Blank(path, choice.Blank, entries);
        if (!choice.AreLogits) return Decode(path, model, model.KernelSet, kind, recordings, entries, blank, choice);
        var labels = recordings[0].Array.Shape is [.., var last] ? last : 0;
        using (var own = ModelFile.Ask(path, () => model.CreateFrameDecoder(new FrameDecoderOptions { MemoryLimitBytes = Memory, WorkLimit = WorkLimit.Chosen })))
        {
            if (own.VocabularySize != labels) throw new ConversionException($"{recordings[0].Name}: the array is {Text.Shape(recordings[0].Array.Shape)}; logits of this model are [frames, {own.VocabularySize}]");
        }

        using var passing = SeqModel.Load(Passing(model, labels), new SeqModelOptions { KernelSet = model.KernelSet });
        return Decode(path, passing, model.KernelSet, kind, recordings, entries, blank, choice);
    }

    private static long Memory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private static FrameReport Decode(string path, SeqModel model, string kernels, string kind, List<Recording> recordings, IReadOnlyList<string>? entries, int? blank, FrameChoice choice)
    {
        var source = ModelFile.Ask(path, () => FrameEncoder.SourceOf(model));
        var decoding = ModelFile.Ask(path, model.GetDecoding);
        var frames = recordings.Max(recording => recording.FramesFor(source));
        var options = new FrameDecoderOptions
        {
            BeamWidth = choice.Beam,
            MaxResults = choice.Best,
            Blank = blank,
            MaxFrames = frames,
            MaxTokens = decoding?.MaxTokens is not null ? null : Math.Clamp(recordings.Max(recording => recording.Array.Shape.Max()), LeastTokens, MostTokens),
            MemoryLimitBytes = Memory,
            WorkLimit = WorkLimit.Chosen,
        };
        using var decoder = ModelFile.Ask(path, () => model.CreateFrameDecoder(options));
        if (entries is not null && entries.Count < decoder.VocabularySize)
            throw new ConversionException($"{choice.TokensFile ?? path}: the table has {entries.Count} texts; it must have one for each of the model's {decoder.VocabularySize} labels");
        var table = entries is null ? null : new TokenTable(entries, [decoder.Blank], decoding?.Separator);
        return new FrameReport(path, kernels, kind, [.. recordings.Select(recording => DecodedFrames.Of(decoder, table, recording))]);
    }

    private static IReadOnlyList<string>? Entries(string path, SeqModel model, string? file)
    {
        if (file is null) return model.Tables.GetValueOrDefault(DecodingKeys.TargetTable);
        ModelFile.MustExist(file);
        return DecodingReader.TableFile(file, new SourceFiles([]).ReadNamed(file), path);
    }

    private static int? Blank(string path, string? text, IReadOnlyList<string>? entries)
    {
        if (text is null) return null;
        for (var i = 0; i < entries?.Count; i++)
        {
            if (entries[i] == text) return i;
        }

        return int.TryParse(text, out var number) && number >= 0 ? number : throw new ConversionException($"{path}: --blank {text}: no label has this number or text");
    }

    /// <summary>A model that returns its input: it decodes the logits of the given model.</summary>
    private static byte[] Passing(SeqModel model, int labels)
    {
        var passing = new SeqModelBuilder();
        var graph = passing.AddGraph("main");
        graph.Output("logits", graph.Input("frames", ElementType.Float32, "T", labels));
        foreach (var key in (string[])[DecodingKeys.Kind, DecodingKeys.Scores, DecodingKeys.Blank, DecodingKeys.Max, DecodingKeys.Separator])
        {
            if (model.Metadata.TryGetValue(key, out var value)) passing.Metadata[key] = value;
        }

        return SeqWriter.ToArray(passing);
    }
}

/// <summary>An array of frames and its source.</summary>
internal sealed record Recording(string Name, NpyArray Array)
{
    public static IEnumerable<Recording> ReadAll(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            ModelFile.MustExist(file);
            var content = new SourceFiles([]).ReadNamed(file);
            if (FileKinds.Of(content) == FileKind.Npz)
            {
                foreach (var (name, array) in NpzFile.Read(content, file)) yield return Of($"{file}:{name}", array);
            }
            else
            {
                yield return Of(file, NpyReader.Read(content, file));
            }
        }
    }

    /// <summary>The number of frames if the array is the input. Dimensions of 1 may be missing. Where the model fixes the length, the array may hold several such lengths.</summary>
    /// <exception cref="ConversionException">The array does not have the input's shape.</exception>
    public int FramesFor(SeqPortInfo source)
    {
        var dimensions = source.Dimensions!;
        var time = dimensions.ToList().FindLastIndex(d => d.Symbol is not null);
        var frame = dimensions.Aggregate(1L, (product, d) => product * Math.Max(d.Size ?? 1, 1));
        var frames = Array.Count / frame;
        var expected = dimensions.Select((d, i) => i == time ? frames : Math.Max(d.Size ?? 1, 1));
        var fits = frames > 0 && frames * frame == Array.Count && (time < 0
            ? Array.Shape is [.., var last] && dimensions is [.., var own] && last == own.Size
            : expected.Where(size => size != 1).SequenceEqual(Array.Shape.Where(size => size != 1).Select(size => (long)size)));
        if (!fits) throw new ConversionException($"{Name}: the array is {Text.Shape(Array.Shape)}; the model takes '{source.Name}' {Text.Shape(dimensions)}");
        return time < 0 ? 1 : (int)frames;
    }

    private static Recording Of(string name, NpyArray array) => array.ConvertTo(StoredType.Float32) is { } floats
        ? new Recording(name, floats)
        : throw new ConversionException($"{name}: the array is {array.Type.Name()}; save it as array.astype('{StoredType.Float32.Name()}')");
}
