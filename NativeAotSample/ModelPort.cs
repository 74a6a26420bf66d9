using SeqRuntime;

namespace NativeAotSample;

/// <summary>Finds the input and output of a graph with one of each, whatever their names.</summary>
internal static class ModelPort
{
    public static SeqGraphInfo Graph(SeqModel model, string name)
    {
        foreach (var graph in model.Graphs)
        {
            if (graph.Name == name) return graph;
        }

        throw new ArgumentException($"The model has no graph '{name}'; it has: {string.Join(", ", model.Graphs.Select(graph => graph.Name))}. Convert it with {name}=file.onnx.");
    }

    /// <summary>The graph's only input. States are not inputs: the session keeps them.</summary>
    public static SeqPortInfo OnlyInput(SeqGraphInfo graph)
    {
        if (graph.Inputs.Count == 1 && graph.Inputs[0].Type == ElementType.Float32) return graph.Inputs[0];
        throw new ArgumentException(
            $"Graph '{graph.Name}' must have one float32 input besides its states; it has: {string.Join(", ", graph.Inputs)}. Fix the others when converting: --set name=value, --state in=out.");
    }

    /// <summary>Index of the graph's only output.</summary>
    public static int OnlyOutput(SeqSession session)
    {
        if (session.Outputs is [{ Type: ElementType.Float32 }]) return 0;
        throw new ArgumentException($"Graph '{session.Graph}' must have one float32 output besides its states; it has {session.Outputs.Count}. Pair states when converting: --state in=out.");
    }

    /// <summary>Product of all sizes. 0 if one is symbolic.</summary>
    public static int FixedSize(SeqPortInfo value)
    {
        var product = 1;
        foreach (var dimension in value.Dimensions ?? []) product *= dimension.Size ?? 0;
        return product;
    }
}
