using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Reads a description and its weight file and builds the graphs.</summary>
internal static class DescriptionReader
{
    private const int MostNamed = 12;

    /// <exception cref="ConversionException">The document or the weight file is wrong, or they do not fit; the message says where and what.</exception>
    public static ImportedModel Read(string path, byte[] content, List<string> notes, SourceFiles files)
    {
        var description = DecodingReader.Parse(path, content, DescriptionJson.Default.ModelDescription);
        var (weights, paths) = DescriptionWeights.Read(path, description.Weights, files);
        var tables = DecodingReader.Tables(description.Tables, path, files);
        if (description.Graphs.Count == 0) throw new ConversionException($"{path}: 'graphs' is empty.");
        CheckScale(path, description.Scale);
        var budget = new Budget();
        budget.Holds(paths.Distinct().Sum(file => files.Of(file).Bytes), nodes: 0);
        var composers = description.Graphs.Select(g => Compose(g.Key, g.Value, weights, budget, path, description.Scale)).ToList();
        var unused = weights.Unused();
        notes.AddRange(composers.SelectMany(c => c.Notes));
        if (description.Scale is not null && !composers.Exists(c => c.HasScaled)) throw new ConversionException($"{path}: 'scale' is for integer weights, but all used weights are floats.");
        if (composers.SelectMany(c => c.Unscaled).Distinct().ToList() is { Count: > 0 } integers)
            notes.Add($"weights of {weights.File} are integers and used unchanged: {string.Join(", ", integers.Take(MostNamed))}{(integers.Count > MostNamed ? $" and {integers.Count - MostNamed} more" : "")}; if they represent fractions, give the factor in the description (\"scale\": 0.0001)");
        if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
        if (weights.Ignored.Count > 0) notes.Add($"not read in {weights.File}: objects of {string.Join(", ", weights.Ignored.Take(MostNamed))}; only tensors are");
        return new ImportedModel([.. composers.Select(c => c.Graph)])
        {
            Tables = tables,
            Metadata = description.Decoding is { } decoding ? DecodingReader.Metadata(decoding, tables, path) : [],
            HasStates = true,
            Unused = unused,
        };
    }

    private static GraphComposer Compose(string name, GraphDescription description, WeightSet weights, Budget budget, string path, float? scale)
    {
        var composer = new GraphComposer(name, weights, budget, path) { Scale = scale };
        var graph = composer.Graph;
        foreach (var (input, port) in description.Inputs)
        {
            composer.Declare(input);
            graph.Inputs.Add(new IrPort(input, input, Type(composer, port.Type), Shape(composer, port.Shape)));
        }

        foreach (var state in description.States.Keys) composer.Declare(state);
        var layers = new List<(string Layer, int End)>();
        foreach (var layer in description.Layers)
        {
            CheckScale(path, layer.Scale);
            foreach (var part in layer.Parts(composer)) composer.Add(part);
            layers.Add((layer.Output, graph.Nodes.Count));
        }

        foreach (var (output, value) in description.Outputs) graph.Outputs.Add(new IrPort(output, composer.Read(value), 0, []));
        foreach (var (state, how) in description.States)
        {
            var shape = Shape(composer, how.Shape);
            graph.States.Add(new IrState(state, state, composer.Read(how.Update), how.Update, ElementType.Float32, shape, First(composer, state, how.Initial, shape), IsDescribed: true));
        }

        Constants.Check(graph);
        composer.Notes.AddRange(IdleLayers.Of(graph, layers).Select(layer => $"layer '{layer}' of graph '{name}' has no effect: no output and no state depends on it"));
        return composer;
    }

    /// <summary>The first values of a state in its shape, null for zeros.</summary>
    private static IrTensor? First(GraphComposer composer, string state, string? tensor, IrDim[] shape)
    {
        if (tensor is null) return null;
        if (Array.Find(shape, size => size.Symbol is not null) is { Symbol: { } open }) throw composer.Fault($"the state '{state}' has first values ('initial'), so each of its sizes must be a number; replace '{open}' by one");
        var first = composer.Tensor(tensor);
        int[] sizes = Array.ConvertAll(shape, size => size.Size);
        if (first.Count != sizes.Aggregate(1L, (product, size) => product * size))
            throw composer.Fault($"the state '{state}' has the shape [{string.Join(", ", sizes)}], but its first values '{tensor}' have the shape [{string.Join(", ", first.Shape)}]");
        return first.Reshaped(sizes);
    }

    private static void CheckScale(string path, float? scale)
    {
        if (scale is { } given && (!float.IsFinite(given) || given == 0)) throw new ConversionException($"{path}: 'scale' is {given.ToString(CultureInfo.InvariantCulture)}; give a finite number other than 0.");
    }

    private static ElementType Type(GraphComposer composer, string type) => type switch
    {
        "float32" => ElementType.Float32,
        "int32" => ElementType.Int32,
        "int64" => ElementType.Int64,
        _ => throw composer.Fault($"an input has type '{type}'; it must be float32, int32 or int64"),
    };

    private static IrDim[] Shape(GraphComposer composer, JsonElement[] shape) => Array.ConvertAll(shape, size => size.ValueKind switch
    {
        JsonValueKind.Number when size.TryGetInt32(out var number) && number > 0 => new IrDim(number, null),
        JsonValueKind.String when Json.TextOf(size) is { Length: > 0 } symbol && !long.TryParse(symbol, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) => new IrDim(-1, symbol),
        _ => throw composer.Fault($"a shape has the size {Json.Shown(size)}; give a whole number above 0 or a name"),
    });
}
