using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Reads a TorchScript model. Its code is followed, not run. It does not tell the ranks of the inputs, so each is tried; buffers and attributes that the
/// code overwrites are states.
/// </summary>
internal static class TorchScriptReader
{
    /// <param name="path">The file.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="name">The graph's name.</param>
    /// <param name="notes">Receives notes for the user.</param>
    /// <param name="sets">Numbers that the user gives for parameters of forward.</param>
    /// <exception cref="ConversionException">The file is damaged, or its code is not understood; the message says where, and the ways out.</exception>
    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes, IReadOnlyDictionary<string, string> sets)
    {
        var file = TorchFile.ReadScript(content, path);
        var code = new ScriptCode(file, path);
        var forward = code.Method(file.Root, "forward") ?? throw code.Fault($"the class {file.Root.Class}", 0, "it has no method 'forward' that the archive holds");
        var inputs = new ScriptInputs(code, forward, sets);
        var budget = new Budget();
        budget.Holds(content.Length, nodes: 0);
        var trial = new ScriptTrial(code, forward, inputs, name, budget, path);
        var (best, others) = Best(inputs.Arrangements().Select(arrangement => Finished(trial.Run(arrangement), forward, code)));
        if (others.Count > 0) notes.Add($"the code does not tell the rank of its inputs: {Shown(best)} is taken; it would also run with {string.Join(" or ", others)}");
        Constants.Check(best.Graph);
        notes.AddRange(best.Call.Composer.Notes.Distinct());
        if (inputs.Optional.FindAll(parameter => best.Call.Parameters[parameter.Name] is null) is { Count: > 0 } none) notes.Add($"None is taken for what may be left out: {string.Join(", ", none.Select(parameter => $"'{parameter.Name}'"))}");
        if (inputs.Tensors.FindAll(parameter => best.Call.Parameters[parameter.Name] is not ScriptTensor) is { Count: > 0 } parts) notes.Add(string.Join("; ", parts.Select(parameter => $"the tensors of '{parameter.Name}' are the inputs {string.Join(", ", ScriptInputs.In(best.Call.Parameters[parameter.Name]).Select(tensor => tensor.Input))}")));
        var set = best.Call.Begin.Keys.Select(key => key.Owner[key.Name]).OfType<TorchTensor>().Select(file.NameOf).Concat(code.States).ToHashSet();
        var unused = file.Weights.Unused().FindAll(weight => !set.Contains(weight.Name));
        if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
        return new ImportedModel(best.Graph) { HasStates = best.Graph.States.Count > 0, Unused = unused, Taken = [.. inputs.Numbers.Keys] };
    }

    /// <summary>
    /// The first attempt whose ranks are usual, or the first that succeeds, and what other inputs would do. If none does, the fault is that of the attempt
    /// that came furthest. Graphs are large, so that only the best one is kept.
    /// </summary>
    private static (Attempt Best, List<string> Others) Best(IEnumerable<Attempt> attempts)
    {
        var (best, shown, furthest) = ((Attempt?)null, new List<string>(), (Statements: -1, IsUsual: false, Fault: (ConversionException?)null));
        foreach (var attempt in attempts)
        {
            if (attempt.Fault is { } fault)
            {
                var reached = (attempt.Call.Run.Statements, IsUsual(attempt));
                if (reached.CompareTo((furthest.Statements, furthest.IsUsual)) > 0) furthest = (reached.Statements, reached.Item2, fault);
                continue;
            }

            shown.Add(Shown(attempt));
            if (best is null || (!IsUsual(best) && IsUsual(attempt))) best = attempt;
        }

        return best is null ? throw furthest.Fault! : (best, [.. shown.Distinct().Where(other => other != Shown(best))]);
    }

    /// <summary>
    /// Whether the first input is what a model usually takes: a batch of sequences for a layer over a sequence, one row where the code puts all elements in a
    /// row, otherwise a batch of rows.
    /// </summary>
    private static bool IsUsual(Attempt attempt)
    {
        var (call, run) = (attempt.Call, attempt.Call.Run);
        var isFlat = call.Given.Count > 0 && run.Flat.Contains(call.Given[0].Input!);
        return call.Arrangement[0].Rank == (isFlat ? 1 : run is { HasRecurrence: true, Indices.Count: 0 } ? 3 : 2);
    }

    private static string Shown(Attempt attempt) => string.Join(", ", attempt.Graph.Inputs.Select(input => $"{input.Name} [{string.Join(", ", input.Shape)}]"));

    private static Attempt Finished(ScriptCall call, ScriptFunction forward, ScriptCode code)
    {
        if (call.Fault is { } fault) return new Attempt(call, fault);
        try
        {
            Outputs(call, forward);
            Inputs(call);
            States(call, code);
            return new Attempt(call, null);
        }
        catch (ConversionException wrong)
        {
            return new Attempt(call, wrong);
        }
    }

    private static void Outputs(ScriptCall call, ScriptFunction forward)
    {
        const int most = 1024;
        var (run, graph) = (call.Run, call.Composer.Graph);
        var tensors = new List<(ScriptTensor Tensor, string? Key)>();
        var visited = 0;
        Flatten(call.Result, null);
        if (tensors.Count == 0) throw run.Fault("forward returns no tensor");
        var plain = tensors.Count(tensor => Said(tensor) is null);
        var place = 0;
        foreach (var tensor in tensors)
        {
            if (Said(tensor) is null) place++;
            var output = Said(tensor) ?? (plain == 1 ? "output" : $"output_{place}");
            while (graph.Inputs.Exists(input => input.Name == output) || graph.Outputs.Exists(other => other.Name == output) || forward.Parameters.Any(parameter => parameter.Name == output)) output += "_";
            graph.Outputs.Add(new IrPort(output, run.Use(tensor.Tensor), 0, []));
        }

        string? Said((ScriptTensor Tensor, string? Key) tensor) => call.Names.GetValueOrDefault(tensor.Tensor) ?? tensor.Key;

        void Flatten(object? value, string? key)
        {
            // Lists may hold one another many times.
            if (++visited > most) throw run.Fault($"forward returns more than {most} values");
            switch (value)
            {
                case ScriptTensor tensor: tensors.Add((tensor, key)); break;
                case ScriptSeries series: tensors.Add((series.Of, key)); break;
                case ScriptRecord record:
                    foreach (var (field, item) in record.Names.Zip(record)) Flatten(item, item is ScriptTensor ? field : null);
                    break;
                case IList<object?> list:
                    foreach (var item in list) Flatten(item, null);
                    break;
                case null: break;
                case long or double or bool or ScriptSize:
                    run.Note("forward also returns numbers, which are no outputs");
                    break;
                default: throw run.Fault("forward returns something that is no tensor");
            }
        }
    }

    private static void Inputs(ScriptCall call)
    {
        foreach (var input in call.Given)
        {
            foreach (var (axis, size) in input.Sizes.Index())
            {
                if (size.Number is null) size.Symbol = axis == 0 ? "N" : axis == 1 ? "T" : $"D{axis}";
            }
        }

        // Two different sizes may not have one name.
        var seen = new List<ScriptSize>();
        foreach (var input in call.Given)
        {
            IrDim Dimension(ScriptSize size)
            {
                if (size.Number is { } number) return new IrDim(number, null);
                var place = seen.FindIndex(size.Is);
                if (place < 0)
                {
                    place = seen.Count;
                    seen.Add(size);
                }

                var same = seen.Take(place).Count(other => other.Symbol == size.Symbol);
                return new IrDim(-1, same == 0 ? size.Symbol : $"{size.Symbol}{same + 1}");
            }

            call.Composer.Graph.Inputs.Add(new IrPort(input.Input!, input.Input!, call.Run.Indices.Contains(input.Input!) ? ElementType.Int64 : ElementType.Float32, Array.ConvertAll(input.Sizes, Dimension)));
        }
    }

    private static void States(ScriptCall call, ScriptCode code)
    {
        var (run, graph) = (call.Run, call.Composer.Graph);
        var dropped = new List<string>();
        foreach (var (name, value) in run.Written)
        {
            var buffer = code.File.Weights.Read(name)!;
            if (run.Buffers.GetValueOrDefault(name)?.Value is not { } state) continue;
            if (buffer.Type != ElementType.Float32)
            {
                dropped.Add(name);
                continue;
            }

            var isZero = buffer.Floats.IndexOfAnyExcept(0f) < 0;
            graph.States.Add(new IrState(state, state, run.Use(value), state, ElementType.Float32, Array.ConvertAll(buffer.Shape, size => new IrDim(size, null)), isZero ? null : buffer, IsDescribed: true));
        }

        foreach (var (attribute, before) in call.Begin)
        {
            foreach (var (state, next) in ScriptInputs.In(before).Zip(ScriptInputs.In(run.Attributes[attribute])))
            {
                graph.States.Add(new IrState(state.Value!, state.Value!, run.Use(next), state.Value!, next.Type, Array.ConvertAll(state.Sizes, size => new IrDim(size.Number!.Value, null)), null, IsDescribed: true));
            }
        }

        if (dropped.Count == 0) return;
        var needed = Needed(graph);
        foreach (var name in dropped)
        {
            if (needed.Contains(name)) throw run.Fault($"the buffer '{name}' of whole numbers changes in each call and enters a result, and only states of float32 are known here");
            call.Composer.Notes.Add($"the buffer '{name}' of whole numbers, which forward changes, enters no result and is left out");
        }
    }

    /// <summary>All values that outputs and states are computed from.</summary>
    private static HashSet<string> Needed(IrGraph graph)
    {
        var needed = graph.Outputs.Select(output => output.Value).Concat(graph.States.Select(state => state.Update)).ToHashSet(StringComparer.Ordinal);
        for (var i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            if (graph.Nodes[i].Outputs.Exists(needed.Contains)) Add(graph.Nodes[i]);
        }

        return needed;

        void Add(IrNode node)
        {
            needed.UnionWith(node.Inputs);
            foreach (var inner in node.Attributes.Values.OfType<IrGraph>().SelectMany(body => body.Nodes)) Add(inner);
        }
    }

    /// <summary>What came of the inputs' ranks.</summary>
    private sealed record Attempt(ScriptCall Call, ConversionException? Fault)
    {
        public IrGraph Graph => Call.Composer.Graph;
    }
}
