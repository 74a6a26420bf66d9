using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.IO;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Commands;

/// <summary>What the command line chooses for frames; null where the model says.</summary>
internal sealed record FrameChoice(int Beam, int Best, bool AreLogits, string? Blank, string? TokensFile);

/// <summary>Arrays of frames through a CTC model or a transducer.</summary>
internal static class FrameDecoding
{
    /// <summary>Most tokens of a result where neither the model says nor the frames are more.</summary>
    private const int LeastTokens = 1024;
    private const int MostTokens = 1 << 20;

    /// <exception cref="ConversionException">The model cannot be decoded, or an array is not for it; the message says why.</exception>
    public static FrameReport Run(string path, SeqModel model, string kind, IEnumerable<string> files, FrameChoice choice)
    {
        if (choice.AreLogits && kind != DecodingKeys.Ctc)
            throw new ConversionException($"{path}: --logits goes with {DecodingKeys.Ctc}; the model is a {kind}, which scores labels after each token anew: give its features");
        var recordings = Recording.ReadAll(files).ToList();
        var entries = Entries(path, model, choice.TokensFile);
        var blank = Blank(path, choice.Blank, entries);
        if (!choice.AreLogits) return Decode(path, model, model.KernelPath, kind, recordings, entries, blank, choice);
        var labels = recordings[0].Array.Shape is [.., var last] ? last : 0;
        using (var own = ModelFile.Ask(path, () => model.CreateFrameDecoder(new FrameDecoderOptions { MemoryLimitBytes = Memory, WorkLimit = WorkLimit.Chosen })))
        {
            if (own.Vocabulary != labels) throw new ConversionException($"{recordings[0].Name}: the array is {Text.Shape(recordings[0].Array.Shape)}; logits of this model are [frames, {own.Vocabulary}]");
        }

        using var passing = SeqModel.Load(Passing(model, labels), new SeqModelOptions { KernelPath = model.KernelPath });
        return Decode(path, passing, model.KernelPath, kind, recordings, entries, blank, choice);
    }

    private static long Memory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private static FrameReport Decode(string path, SeqModel model, string kernels, string kind, List<Recording> recordings, IReadOnlyList<string>? entries, int? blank, FrameChoice choice)
    {
        var source = ModelFile.Ask(path, () => FrameEncoder.SourceOf(model));
        var frames = recordings.Max(recording => recording.FramesFor(source));
        var options = new FrameDecoderOptions
        {
            BeamWidth = choice.Beam,
            BestCount = choice.Best,
            Blank = blank,
            MaxFrames = frames,
            MaxTokens = model.Metadata.ContainsKey(DecodingKeys.Max) ? null : Math.Clamp(recordings.Max(recording => recording.Array.Shape.Max()), LeastTokens, MostTokens),
            MemoryLimitBytes = Memory,
            WorkLimit = WorkLimit.Chosen,
        };
        using var decoder = ModelFile.Ask(path, () => model.CreateFrameDecoder(options));
        if (entries is not null && entries.Count < decoder.Vocabulary)
            throw new ConversionException($"{choice.TokensFile ?? path}: there are {entries.Count} texts of labels; the model scores {decoder.Vocabulary}");
        var table = entries is null ? null : new TokenTable(entries, [decoder.Blank], model.Metadata.GetValueOrDefault(DecodingKeys.Separator));
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

        return int.TryParse(text, out var number) && number >= 0 ? number : throw new ConversionException($"{path}: --blank {text}: that is neither a number nor the text of a label");
    }

    /// <summary>A model that gives what it gets, described as the one whose logits these are.</summary>
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

/// <summary>An array of frames and where it is from.</summary>
internal sealed record Recording(string Name, NpyArray Array)
{
    public static IEnumerable<Recording> ReadAll(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            ModelFile.MustExist(file);
            if (Path.GetExtension(file).Equals(".npz", StringComparison.OrdinalIgnoreCase))
            {
                foreach (var (name, array) in NpzFile.ReadFile(file)) yield return Of($"{file}:{name}", array);
            }
            else
            {
                yield return Of(file, NpyReader.ReadFile(file));
            }
        }
    }

    /// <summary>Frames of a run over an input. Dimensions of 1 may be there or not; a length that the model fixes may come several times.</summary>
    /// <exception cref="ConversionException">The array is not of the input's shape.</exception>
    public int FramesFor(SeqValueInfo source)
    {
        var time = source.Dimensions.ToList().FindLastIndex(d => d.Symbol is not null);
        var frame = source.Dimensions.Aggregate(1L, (product, d) => product * Math.Max(d.Size, 1));
        var frames = Array.Count / frame;
        var expected = source.Dimensions.Select((d, i) => i == time ? frames : Math.Max(d.Size, 1));
        var fits = frames > 0 && frames * frame == Array.Count && (time < 0
            ? Array.Shape is [.., var last] && source.Dimensions is [.., var own] && last == own.Size
            : expected.Where(size => size != 1).SequenceEqual(Array.Shape.Where(size => size != 1).Select(size => (long)size)));
        if (!fits) throw new ConversionException($"{Name}: the array is {Text.Shape(Array.Shape)}; the model takes '{source.Name}' {Text.Shape(source.Dimensions)}");
        return time < 0 ? 1 : (int)frames;
    }

    private static Recording Of(string name, NpyArray array) => array.ConvertTo(NpyType.Float32) is { } floats
        ? new Recording(name, floats)
        : throw new ConversionException($"{name}: the array is {array.Type.Name()}; save it as array.astype('{NpyType.Float32.Name()}')");
}
