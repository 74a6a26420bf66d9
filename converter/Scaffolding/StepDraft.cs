namespace SeqRuntime.Converter.Scaffolding;

/// <summary>
/// Writes the step of a network whose recurrence is made of linear layers, as in PyTorch's tutorial on names: <c>i2h</c> of input and hidden state together
/// with <c>i2o</c> or <c>h2o</c>, or <c>i2h</c> and <c>h2h</c> with <c>h2o</c>. Their sizes alone would also fit layers without a state.
/// </summary>
internal static class StepDraft
{
    /// <summary>The graph. Null if the modules are no such step.</summary>
    public static DraftGraph? Write(IReadOnlyList<Module> modules, DraftOptions options)
    {
        var known = modules.Where(module => module.Kind != ModuleKind.Other).ToList();
        Module? Named(string name) => known.Find(module => module.Kind == ModuleKind.Linear && module.IsNamed(name));
        if (Named("i2h") is not { } taken || (Named("h2o") ?? Named("i2o")) is not { } given) return null;
        var (held, size) = (Named("h2h"), taken.Out);
        var inputs = held is null ? taken.In - size : taken.In;
        if (known.Count != (held is null ? 2 : 3) || inputs <= 0 || (held is not null && (held.In != size || held.Out != size))) return null;
        var isOfBoth = given.In == taken.In && held is null && given.IsNamed("i2o");
        if (!isOfBoth && given.In != size) return null;
        var graph = new DraftGraph("main", options);
        graph.Input("x", $"{{ \"shape\": [1, {inputs}] }}");
        graph.States.Add(("hidden", $"{{ \"shape\": [1, {size}], \"update\": \"next_hidden\" }}"));
        graph.Guess("one step: the input is one element of the sequence, and the state is kept from run to run");
        string Linear(Module module, string input, string output)
        {
            graph.Comment($"{module.What}: {module.Why}");
            return graph.Layer("linear", output, ("input", Q(input)), ChainDraft.Weights(module));
        }

        string sum;
        if (held is null)
        {
            graph.Guess($"'x' before 'hidden' in what {taken} takes; the weights do not tell the order");
            graph.Layer("concat", "joined", ("inputs", "[\"x\", \"hidden\"]"));
            sum = Linear(taken, "joined", "sum");
        }
        else
        {
            sum = graph.Layer("add", "sum", ("inputs", $"[{Q(Linear(taken, "x", "from_input"))}, {Q(Linear(held, "hidden", "from_hidden"))}]"));
        }

        graph.Layer("activation", "next_hidden", ("function", graph.Ask($"after {held ?? taken}", "the function that gives the hidden state: tanh, sigmoid, relu …; linear if there is none", null, "function")), ("input", Q(sum)));
        var last = Linear(given, isOfBoth ? "joined" : "next_hidden", "scores");
        graph.Guess($"no function after {given}, such as log_softmax: it has no weights; add it here if the model has one");
        graph.Outputs.Add(("output", Q(last)));
        return graph;
    }

    private static string Q(string text) => DraftGraph.Quoted(text);
}
