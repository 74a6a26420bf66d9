using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Weights;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Reads a description and its weight file and puts the graphs together.</summary>
internal static class DescriptionReader
{
    /// <exception cref="ConversionException">The document, the weight file, or what one says of the other is wrong; says where and what.</exception>
    public static ImportedModel Read(string path)
    {
        var description = DecodingReader.Parse(path, DescriptionJson.Default.ModelDescription);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var weightFile = Path.Combine(folder, description.Weights);
        var weights = WeightFile.Read(weightFile);
        var tables = DecodingReader.Tables(description.Tables, path);
        if (description.Graphs.Count == 0) throw new ConversionException($"{path}: 'graphs' is empty.");
        return new ImportedModel([.. description.Graphs.Select(g => Compose(g.Key, g.Value, weights, path))])
        {
            Files = [weightFile],
            Tables = tables,
            Metadata = description.Decoding is { } decoding ? DecodingReader.Metadata(decoding, tables, path) : [],
            HasStates = true,
        };
    }

    private static IrGraph Compose(string name, GraphDescription description, IReadOnlyDictionary<string, IrTensor> weights, string path)
    {
        var composer = new GraphComposer(name, weights, path);
        var graph = composer.Graph;
        foreach (var (input, port) in description.Inputs)
        {
            composer.Declare(input);
            graph.Inputs.Add(new IrPort(input, input, Type(composer, port.Type), Shape(composer, port.Shape)));
        }

        foreach (var state in description.States.Keys) composer.Declare(state);
        foreach (var layer in description.Layers) composer.Add(layer);
        foreach (var (output, value) in description.Outputs) graph.Outputs.Add(new IrPort(output, composer.Read(value), 0, []));
        foreach (var (state, how) in description.States) graph.States.Add(new IrState(state, state, composer.Read(how.Update), how.Update, ElementType.Float32, Shape(composer, how.Shape)));
        return graph;
    }

    private static ElementType Type(GraphComposer composer, string type) => type switch
    {
        "float32" => ElementType.Float32,
        "int32" => ElementType.Int32,
        "int64" => ElementType.Int64,
        _ => throw composer.Fault($"an input has the type '{type}'; there are float32, int32 and int64"),
    };

    private static IrDim[] Shape(GraphComposer composer, JsonElement[] shape) => Array.ConvertAll(shape, size => size.ValueKind switch
    {
        JsonValueKind.Number when size.TryGetInt32(out var number) && number > 0 => new IrDim(number, null),
        JsonValueKind.String when size.GetString() is { Length: > 0 } symbol => new IrDim(-1, symbol),
        _ => throw composer.Fault($"a shape has the size {size}; a whole number above 0 or a name is needed"),
    });
}
