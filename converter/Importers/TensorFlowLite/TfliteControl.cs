using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators that run other subgraphs, and the variables that they may set.</summary>
internal sealed class TfliteControl(TfliteOperators operators)
{
    public Dictionary<string, Action<TfliteCall>> All => new()
    {
        ["WHILE"] = While,
        ["IF"] = If,
        ["CALL"] = call => Inline(call, call.Subgraph(call.Options.Int(0))),
        ["STABLEHLO_COMPOSITE"] = call => Inline(call, call.Subgraph(call.MoreOptions.Int(1))),
        ["CALL_ONCE"] = Initialize,
        ["VAR_HANDLE"] = call => call.Set(0, TfliteVariables.Handle($"{call.Options.Text(0)}/{call.Options.Text(1)}")),
        ["READ_VARIABLE"] = Read,
        ["ASSIGN_VARIABLE"] = Assign,
    };

    /// <summary>The operators of another subgraph in the place of a call.</summary>
    private void Inline(TfliteCall call, TfliteSubgraph subgraph)
    {
        var outputs = Run(call, subgraph, call.Graph, [.. Enumerable.Range(0, call.Inputs).Select(call.Value)], isInner: false);
        for (var i = 0; i < outputs.Length; i++) call.Set(i, outputs[i]);
    }

    /// <summary>A loop over values that each round replaces: a condition of them, and a body.</summary>
    private void While(TfliteCall call)
    {
        var (condition, body) = (call.Subgraph(call.Options.Int(0)), call.Subgraph(call.Options.Int(1)));
        string[] first = [.. Enumerable.Range(0, call.Inputs).Select(call.Value)];
        if (body.Outputs.Length != first.Length || call.Outputs != first.Length) throw call.Fault($"it carries {first.Length} values, and its body gives {body.Outputs.Length}; the file is damaged");
        if (body.Inputs.Length != first.Length) throw call.Fault("its body has other inputs; the file is damaged");
        Refuse(call, first);
        var items = TfliteTensorLists.Begin(call, body, first);
        var name = call.Name;
        var go = Run(call, condition, call.Graph, first, isInner: false);
        if (go.Length != 1) throw call.Fault($"its condition has {go.Length} values; the file is damaged");

        var inner = Inner(call, name + "/body");
        inner.Graph.Inputs.Add(Port(inner.Graph.Fresh(name + "/round"), ElementType.Int64));
        inner.Graph.Inputs.Add(Port(inner.Graph.Fresh(name + "/go"), ElementType.Bool));
        var carried = new string[first.Length];
        bool IsSame(int i) => body.Inputs[i] == body.Outputs[i];
        for (var i = 0; i < carried.Length; i++)
        {
            // What no round changes is read from outside.
            if (IsSame(i))
            {
                carried[i] = first[i];
                continue;
            }

            var tensor = body.Tensors[body.Inputs[i]];
            carried[i] = inner.Graph.Fresh(TfliteNotes.Clean(tensor.Name, $"{name}/carried_{i}"));
            int[] shape = items[i] is { } item ? [1, .. item.Shape] : tensor.Shape;
            inner.Graph.Inputs.Add(new IrPort(carried[i], carried[i], (items[i] ?? tensor).Element, [.. shape.Select(size => new IrDim(size, null))]));
        }

        var next = Run(call, body, inner, carried, isInner: true);
        Refuse(call, next);
        var again = Run(call, condition, inner, next, isInner: true);
        foreach (var output in (string[])[again[0], .. next.Where((_, i) => !IsSame(i))]) inner.Graph.Outputs.Add(Port(Named(inner, output), 0));
        // What a list's write replaced is left over, and it would seem to read the list.
        DeadCode.Remove(inner.Graph);
        string[] results = [.. first.Select((value, i) => IsSame(i) ? value : call.Graph.Graph.Fresh(name))];
        call.Graph.Scope = name;
        call.Graph.Ops("Loop", ["", go[0], .. first.Where((_, i) => !IsSame(i))], [.. results.Where((_, i) => !IsSame(i))], ("body", inner.Graph));
        for (var i = 0; i < results.Length; i++) call.Set(i, results[i]);
    }

    private void If(TfliteCall call)
    {
        string[] inputs = [.. Enumerable.Range(1, Math.Max(0, call.Inputs - 1)).Select(call.Value)];
        Refuse(call, inputs);
        var (name, condition) = (call.Name, call.Value(0));
        IrGraph Branch(int index, string which)
        {
            var inner = Inner(call, $"{name}/{which}");
            var outputs = Run(call, call.Subgraph(index), inner, inputs, isInner: true);
            if (outputs.Length != call.Outputs) throw call.Fault($"it has {call.Outputs} values, and its branch has {outputs.Length}; the file is damaged");
            Refuse(call, outputs);
            foreach (var output in outputs) inner.Graph.Outputs.Add(Port(Named(inner, output), 0));
            return inner.Graph;
        }

        var (then, otherwise) = (Branch(call.Options.Int(0), "then"), Branch(call.Options.Int(1), "else"));
        string[] results = [.. Enumerable.Range(0, call.Outputs).Select(_ => call.Graph.Graph.Fresh(name))];
        call.Graph.Scope = name;
        call.Graph.Ops("If", [condition], results, ("then_branch", then), ("else_branch", otherwise));
        for (var i = 0; i < results.Length; i++) call.Set(i, results[i]);
    }

    /// <summary>The first values of variables, from a subgraph that runs once before all others.</summary>
    private static void Initialize(TfliteCall call)
    {
        var handles = new Dictionary<int, string>();
        var subgraph = call.Subgraph(call.Options.Int(0));
        foreach (var op in subgraph.Operators)
        {
            switch (op.Name)
            {
                case "VAR_HANDLE" when op.Outputs is [var made]:
                    handles[made] = TfliteVariables.Handle($"{op.Options.Text(0)}/{op.Options.Text(1)}");
                    break;
                case "ASSIGN_VARIABLE" when op.Inputs is [>= 0 and var variable, >= 0 and var value] && handles.TryGetValue(variable, out var handle) && subgraph.Tensors[value].IsConstant:
                    call.Scope.Context.Variables.Initial[handle] = TfliteConstants.Read(subgraph.Tensors[value], call.Scope.Context, what => call.Fault(what));
                    break;
                default:
                    throw call.Fault($"its subgraph '{subgraph.Name}' has the operator {op.Name}; only variables with constant first values are supported");
            }
        }
    }

    private static void Read(TfliteCall call)
    {
        Outside(call);
        var value = call.Scope.Context.Variables.Read(call.Value(0), call.Graph.Graph, call.Result(), call.Scope.Context.Main);
        call.Set(0, value ?? throw call.Fault(
            $"the file has no value of the variable '{TfliteVariables.NameOf(call.Value(0))}', so TensorFlow Lite cannot run it either. Some versions of TensorFlow lose the weights of a Keras model so. Convert the Keras model itself (.keras, .h5), or save it by model.export(\"FOLDER\") and make the file again by tf.lite.TFLiteConverter.from_saved_model(\"FOLDER\")"));
    }

    private static void Assign(TfliteCall call)
    {
        Outside(call);
        call.Scope.Context.Variables.Assign(call.Value(0), call.Value(1), call.Graph.Graph, call.Tensor(1), call.Scope.Context.Main);
    }

    private static void Outside(TfliteCall call)
    {
        if (call.Scope.IsInner) throw call.Fault("a variable in a loop or a branch is not supported");
        if (!TfliteVariables.IsHandle(call.Value(0))) throw call.Fault("its input is not a variable; the file is damaged");
    }

    private static void Refuse(TfliteCall call, string[] values)
    {
        if (Array.Exists(values, TfliteVariables.IsHandle)) throw call.Fault("a variable in a loop or a branch is not supported");
    }

    private string[] Run(TfliteCall call, TfliteSubgraph subgraph, GraphComposer graph, string[] inputs, bool isInner)
    {
        if (subgraph.Inputs.Length != inputs.Length) throw call.Fault($"it gives {inputs.Length} values to subgraph '{subgraph.Name}', which takes {subgraph.Inputs.Length}; the file is damaged");
        var scope = new TfliteScope(call.Scope.Context, subgraph, graph, call.Scope, isInner);
        for (var i = 0; i < inputs.Length; i++) scope.Set(subgraph.Inputs[i], inputs[i]);
        scope.Run(operators);
        return scope.Outputs();
    }

    private static GraphComposer Inner(TfliteCall call, string name)
    {
        var inner = call.Scope.Context.Composer(name);
        inner.Graph.CountNamesWith(call.Graph.Graph);
        return inner;
    }

    /// <summary>A value of an inner graph's own, because outputs must be computed in it.</summary>
    private static string Named(GraphComposer graph, string value)
    {
        graph.Scope = "";
        return graph.Op("Identity", [value]);
    }

    private static IrPort Port(string value, ElementType type) => new(value, value, type, []);
}
