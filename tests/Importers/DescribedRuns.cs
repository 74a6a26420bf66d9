namespace SeqRuntime.Tests.Importers;

/// <summary>Runs described layers.</summary>
internal static class DescribedRuns
{
    /// <summary>Runs a graph of inputs and one output y once. Inputs without values get random ones, which are written to <paramref name="given"/>.</summary>
    /// <param name="files">The weights.</param>
    /// <param name="inputs">Name, type, shape (numbers or names) and values of each input.</param>
    /// <param name="layers">The layers.</param>
    /// <param name="sizes">Sizes of the symbols.</param>
    /// <param name="given">Receives the inputs' values.</param>
    public static (int[] Shape, float[] Values) Run(this WeightFiles files, (string Name, string Type, string Shape, int[]? Values)[] inputs, string layers, Dictionary<string, int> sizes, Dictionary<string, double[]> given)
    {
        var ports = string.Join(", ", inputs.Select(i => $$""" "{{i.Name}}": { "type": "{{i.Type}}", "shape": {{i.Shape}} }"""));
        using var model = files.Load($$"""{ "weights": "weights.npz", "graphs": { "main": { "inputs": { {{ports}} }, "layers": [{{layers}}], "outputs": { "y": "y" } } } }""");
        var options = new SeqSessionOptions();
        foreach (var (symbol, size) in sizes) options.MaxSizes[symbol] = size;
        using var session = model.CreateSession(graph: null, options);
        var random = new Random(7);
        foreach (var (name, type, _, values) in inputs)
        {
            if (type == "int64") for (var i = 0; i < values!.Length; i++) session.Input<long>(name)[i] = values[i];
            else if (type == "int32") for (var i = 0; i < values!.Length; i++) session.Input<int>(name)[i] = values[i];
            else if (values is not null) for (var i = 0; i < values.Length; i++) session.Input<float>(name)[i] = values[i];
            else Numbers.Fill(random, session.Input<float>(name));
            given[name] = values is null ? Numbers.Doubles(session.Input<float>(name).ToArray()) : [.. values.Select(v => (double)v)];
        }

        session.Run();
        Allocation.None(session.Run);
        var output = session.Outputs[0];
        return (output.Shape.ToArray(), output.Type == ElementType.Int64 ? [.. session.Output<long>(0).ToArray().Select(v => (float)v)] : session.Output<float>(0).ToArray());
    }

    /// <summary>Runs layers over one input x of a fixed shape.</summary>
    public static (int[] Shape, float[] Values, double[] X) Run(this WeightFiles files, int[] shape, string layers)
    {
        var given = new Dictionary<string, double[]>();
        var (made, values) = files.Run([("x", "float32", $"[{string.Join(", ", shape)}]", null)], layers, [], given);
        return (made, values, given["x"]);
    }
}
