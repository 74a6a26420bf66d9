using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Attributes with the functions of a recurrent layer. None are written if they are the usual ones.</summary>
internal static class CellFunctions
{
    /// <summary>The functions of a simple RNN, which PyTorch calls nonlinearity.</summary>
    public static (string, object)[] OfRnn(GraphComposer graph, string? nonlinearity, string? activation, int directions)
    {
        if (nonlinearity is not null && activation is not null) throw graph.Fault("give 'nonlinearity' or 'activation', not both");
        if (nonlinearity is not (null or "tanh" or "relu")) throw graph.Fault($"nonlinearity '{nonlinearity}' is unknown; it must be tanh or relu. Give other functions as 'activation'");
        return Attributes(graph, [nonlinearity ?? activation ?? "tanh"], ["activation"], directions);
    }

    /// <summary>The functions of a layer with gates.</summary>
    public static (string, object)[] Of(GraphComposer graph, RecurrentOp op, string? activation, string? gates, int directions)
    {
        if (activation is null && gates is null) return [];
        var (candidate, gate) = (activation ?? "tanh", gates ?? "sigmoid");
        return op.Activations.Length == 3
            ? Attributes(graph, [gate, candidate, candidate], ["recurrent_activation", "activation", "activation"], directions)
            : Attributes(graph, [gate, candidate], ["recurrent_activation", "activation"], directions);
    }

    private static (string, object)[] Attributes(GraphComposer graph, string[] names, string[] members, int directions)
    {
        var functions = names.Zip(members, (name, member) => ActivationFunction.Parse(graph, name, member, isRecurrent: true).Recurrent).ToList();
        var all = Enumerable.Repeat(functions, directions).SelectMany(each => each).ToList();
        // ONNX lists constants only for the functions that take them.
        float[] alpha = [.. all.Select(f => f.Alpha).OfType<float>()], beta = [.. all.Select(f => f.Beta).OfType<float>()];
        List<(string, object)> attributes = [("activations", all.ConvertAll(f => f.Name).ToArray())];
        if (alpha.Length > 0) attributes.Add(("activation_alpha", alpha));
        if (beta.Length > 0) attributes.Add(("activation_beta", beta));
        return [.. attributes];
    }
}
