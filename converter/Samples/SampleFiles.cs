using System.Globalization;
using SeqRuntime.Converter.IO;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Samples;

/// <summary>Reads the samples that the user gives: archives of NumPy arrays, single arrays, raw float32 numbers, and lines of text.</summary>
internal static class SampleFiles
{
    private const string Advice = "give an archive of arrays with the names of the graph's inputs (numpy.savez), one array (.npy), raw little-endian float32 numbers (.f32 or .raw), or lines of text for a model with a decoder";

    /// <summary>Reads files for a model.</summary>
    /// <param name="files">Each file, and the graph that it is for; null if the content tells.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ConversionException">A file cannot be read, or does not fit the model.</exception>
    public static SampleSet Read(IReadOnlyList<(string? Graph, string Path)> files, SeqModel model)
    {
        var graphs = new Dictionary<string, GraphSamples>();
        TokenSamples? tokens = null;
        foreach (var (graph, path) in files)
        {
            if (graph is not null && !model.Graphs.Any(g => g.Name == graph)) throw new ConversionException($"--samples {graph}={path}: the model has no graph '{graph}'; it has {string.Join(", ", model.Graphs.Select(g => g.Name))}");
            var content = new SourceFiles([]).ReadNamed(path, isModel: false);
            if (Arrays(content, path) is { } arrays)
            {
                foreach (var (info, own) in Targets(arrays, graph, path, model)) Add(new GivenSamples(model, info).Of(own, path));
            }
            else
            {
                var lines = Lines(content, path, model);
                tokens = tokens is null ? lines : tokens with { Lines = [.. tokens.Lines, .. lines.Lines], What = $"{tokens.What}, {lines.What}" };
            }
        }

        return new SampleSet(graphs, tokens);

        void Add(GraphSamples samples) => graphs[samples.Graph] = graphs.TryGetValue(samples.Graph, out var known)
            ? known with { Sequences = [.. known.Sequences, .. samples.Sequences], What = $"{known.What}, {samples.What}" }
            : samples;
    }

    /// <summary>The arrays of a file by name; a single array has the name "". Null if it is text.</summary>
    private static IReadOnlyList<KeyValuePair<string, NpyArray>>? Arrays(byte[] content, string path)
    {
        if (content.AsSpan().StartsWith(NpyReader.Magic)) return [new("", NpyReader.Read(content, path))];
        if (content.AsSpan().StartsWith("PK"u8)) return NpzFile.Read(content, path);
        if (!(Path.GetExtension(path) is ".f32" or ".raw")) return null;
        if (content.Length == 0 || content.Length % sizeof(float) != 0) throw new ConversionException($"{path}: {content.Length} bytes are no float32 numbers of 4 bytes each");
        return [new("", new NpyArray(StoredType.Float32, [content.Length / sizeof(float)], content))];
    }

    /// <summary>The graphs that arrays are for, each with the arrays of its inputs.</summary>
    private static IEnumerable<(SeqGraphInfo Graph, Dictionary<string, NpyArray> Arrays)> Targets(IReadOnlyList<KeyValuePair<string, NpyArray>> arrays, string? name, string path, SeqModel model)
    {
        if (arrays is [{ Key: "" } single])
        {
            var graphs = model.Graphs.Where(g => name is null || g.Name == name).ToList();
            if (graphs.Count > 1) throw new ConversionException($"{path}: the model has {graphs.Count} graphs; say whose input this is: --samples GRAPH={path} with one of {string.Join(", ", graphs.Select(g => g.Name))}");
            var input = graphs[0].Inputs.Count == 1 ? graphs[0].Inputs[0] : throw new ConversionException($"{path}: graph '{graphs[0].Name}' has {graphs[0].Inputs.Count} inputs; give an archive (numpy.savez) with arrays named {string.Join(", ", graphs[0].Inputs.Select(i => i.Name))}");
            yield return (graphs[0], new() { [input.Name] = single.Value });
            yield break;
        }

        var found = model.Graphs.Where(g => (name is null || g.Name == name) && g.Inputs.Any(i => arrays.Any(a => a.Key == i.Name))).ToList();
        var known = found.SelectMany(g => g.Inputs.Select(i => i.Name)).ToHashSet();
        if (found.Count == 0 || arrays.Any(a => !known.Contains(a.Key)))
            throw new ConversionException($"{path}: no graph has an input '{arrays.Select(a => a.Key).FirstOrDefault(a => !known.Contains(a), "")}'; inputs are {string.Join(", ", model.Graphs.Where(g => name is null || g.Name == name).SelectMany(g => g.Inputs, (g, i) => $"'{i.Name}' of graph '{g.Name}'"))}");
        foreach (var graph in found) yield return (graph, arrays.Where(a => graph.Inputs.Any(i => i.Name == a.Key)).ToDictionary());
    }

    /// <summary>The tokens of the lines of a text. Without a table of tokens, lines hold their numbers.</summary>
    private static TokenSamples Lines(byte[] content, string path, SeqModel model)
    {
        var kind = model.Metadata.GetValueOrDefault(DecodingKeys.Kind);
        if (content.AsSpan().Contains((byte)0)) throw new ConversionException($"{path}: this is neither an array nor text; {Advice}");
        if (kind is not (DecodingKeys.EncoderDecoder or DecodingKeys.LanguageModel)) throw new ConversionException($"{path}: lines of text are for an encoder-decoder or a language model, which this model is not; {Advice}");
        var lines = TextLines.Of(content, path).Index().Where(l => l.Item.Length > 0).ToList();
        if (lines.Count == 0) throw new ConversionException($"{path}: the file holds no line of text");
        var isTable = model.Tables.TryGetValue(kind == DecodingKeys.EncoderDecoder ? DecodingKeys.SourceTable : DecodingKeys.TargetTable, out var entries);
        int? Special(string key) => int.TryParse(model.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        var unknown = Special(DecodingKeys.Unknown);
        var table = isTable ? new TokenTable(entries!, [unknown, Special(DecodingKeys.SourceBegin), Special(DecodingKeys.SourceEnd), Special(DecodingKeys.Begin), Special(DecodingKeys.End)], model.Metadata.GetValueOrDefault(DecodingKeys.Separator)) : null;
        return new TokenSamples([.. lines.Select(line => Tokens(line.Item, line.Index + 1))], $"{lines.Count} lines of {Path.GetFileName(path)}", IsGiven: true);

        int[] Tokens(string line, int number)
        {
            if (table is null)
            {
                return [.. line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var token)
                    ? token
                    : throw new ConversionException($"{path}: line {number}: '{word}' is no token; the model has no table of tokens, so lines hold their numbers"))];
            }

            try
            {
                var tokens = new int[line.Length];
                return tokens[..table.Encode(line, tokens, unknown)];
            }
            catch (ArgumentException fault)
            {
                throw new ConversionException($"{path}: line {number}: {fault.Message}", fault);
            }
        }
    }
}
