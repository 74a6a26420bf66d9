using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's recurrent operators over whole sequences and its cells, as a description's layers write them.</summary>
internal sealed class ScriptRecurrence(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    public bool HasRun { get; private set; }

    /// <summary>The results: the sequence and the states, or a cell's states. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args) => name switch
    {
        "lstm" or "gru" or "rnn_tanh" or "rnn_relu" => Layer(name, args),
        "lstm_cell" or "gru_cell" or "rnn_tanh_cell" or "rnn_relu_cell" => Cell(name, args),
        _ => null,
    };

    private object?[] Layer(string name, ScriptArguments args)
    {
        // (input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first); a packed sequence has the sizes of its batches second.
        var isLstm = name == "lstm";
        var packed = args[0, "data"] as ScriptPacked;
        var next = packed is null ? 1 : 2;
        var x = packed is null ? args.Tensor(0, "input") : packed.Padded with { Sorted = null };
        var states = isLstm ? args.Tensors(next, "hx") : [args.Tensor(next, "hx")];
        if (packed is not null && Array.Exists(states, state => state.Sorted != Order(packed, 1) && state.Filled is null)) throw run.Fault($"{args.Function} of a packed sequence has states in another order than its sequences");
        states = Array.ConvertAll(states, state => state with { Sorted = null });
        var parameters = args.Tensors(next + 1, "params");
        var (hasBiases, layers, isBoth, isBatchFirst) = (args.Flag(next + 2, "has_biases"), args.Int(next + 3, "num_layers", 1), args.Flag(next + 6, "bidirectional"), packed is not null || args.Flag(8, "batch_first"));
        if (args.Flag(next + 5, "train") && args.Number(next + 4, "dropout", 0) > 0) throw run.Fault($"{args.Function} drops values between its layers, because the model was traced while it trained; call eval() before");
        var directions = isBoth ? 2 : 1;
        const int mostLayers = 256;
        if (x.Rank != 3 || layers is < 1 or > mostLayers || states.Length != (isLstm ? 2 : 1) || Array.Exists(states, state => state.Rank != 3)) throw run.Fault($"{args.Function} of {x} is not known here");
        var each = (hasBiases ? 4 : 2) + (parameters.Length == layers * directions * ((hasBiases ? 4 : 2) + 1) ? 1 : 0);
        if (parameters.Length != layers * directions * each) throw run.Fault($"{args.Function} has {parameters.Length} weights for {layers} layers");
        string[] roles = [.. ((string[])["weight_ih", "weight_hh"]), .. hasBiases ? (string[])["bias_ih", "bias_hh"] : [], .. each % 2 == 1 ? (string[])["weight_hr"] : []];
        var tensors = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (i, parameter) in parameters.Index())
        {
            var (part, place) = (i % each, i / each);
            tensors[$"{roles[part]}_l{place / directions}{(place % directions == 1 ? "_reverse" : "")}"] = Name(parameter);
        }

        if (!x.Sizes[2].Join(parameters[0].Sizes[1])) throw run.Fault($"{args.Function} takes {parameters[0].Sizes[1]} features, and gets {x}");
        var state0 = parameters[each % 2 == 1 ? each - 1 : 1].Sizes is [var first, var second] ? each % 2 == 1 ? first : second : throw run.Fault("a recurrent weight is no matrix");
        var (batch, time) = isBatchFirst ? (x.Sizes[0], x.Sizes[1]) : (x.Sizes[1], x.Sizes[0]);
        foreach (var state in states)
        {
            if (!state.Sizes[1].Join(batch)) throw run.Fault($"{args.Function} has states of {state} for {x}");
        }

        if (!states[0].Sizes[2].Join(state0) || (isLstm && parameters[1].Sizes[0].Number is { } gates && !states[1].Sizes[2].Join(new ScriptSize(gates / 4))) || Array.Exists(states, state => !state.Sizes[0].Join(new ScriptSize((int)layers * directions)))) throw run.Fault($"{args.Function} has states of {string.Join(" and ", states.Select(state => state.ToString()))}");
        batch.Symbol = "N";
        time.Symbol = "T";
        HasRun = true;
        var input = Declared(isBatchFirst ? operators.Use(x) : graph.Transpose(operators.Use(x), 1, 0, 2));
        var lengths = packed is null ? null : Declared(operators.Use(packed.Lengths with { Sorted = null }));
        string?[] starts = [.. states.Select(state => state.Filled == 0 ? null : Declared(operators.Use(state)))];
        var (output, final, finalCell) = (graph.Graph.Fresh("sequence"), graph.Graph.Fresh("final"), graph.Graph.Fresh("final_cell"));
        graph.Add(name switch
        {
            "lstm" => new LstmLayer { Input = input, Lengths = lengths, Output = output, Bidirectional = isBoth, Initial = starts[0], InitialCell = starts[1], Final = final, FinalCell = finalCell, Tensors = tensors },
            "gru" => new GruLayer { Input = input, Lengths = lengths, Output = output, Bidirectional = isBoth, Initial = starts[0], Final = final, Tensors = tensors, ResetAfter = true },
            _ => new RnnLayer { Input = input, Lengths = lengths, Output = output, Bidirectional = isBoth, Initial = starts[0], Final = final, Tensors = tensors, Nonlinearity = name == "rnn_relu" ? "relu" : "tanh" },
        });
        var width = state0.Number is { } units ? new ScriptSize(directions * units) : new ScriptSize();
        var sequence = isBatchFirst ? output : graph.Transpose(output, 1, 0, 2);
        var all = new ScriptSize((int)layers * directions);
        var steps = operators.Told(new ScriptTensor([.. x.Sizes[..2], width]) { Value = sequence, Sorted = Order(packed, 0) });
        ScriptTensor Last(string value, ScriptSize size) => operators.Told(new ScriptTensor([all, batch, size]) { Value = value, Sorted = Order(packed, 1) });
        List<object?> results = [packed is null ? steps : packed with { Padded = steps }, Last(final, state0)];
        if (isLstm) results.Add(Last(finalCell, states[1].Sizes[2]));
        return [.. results];
    }

    /// <summary>The order of a packed sequence, for a tensor whose sequences lie along another axis.</summary>
    private static (string By, int Axis)? Order(ScriptPacked? packed, int axis) => packed?.Padded.Sorted is var (by, _) ? (by, axis) : null;

    private object Cell(string name, ScriptArguments args)
    {
        var isLstm = name == "lstm_cell";
        var x = args.Tensor(0, "input");
        var states = isLstm ? args.Tensors(1, "hx") : [args.Tensor(1, "hx")];
        var (ih, hh) = (args.Tensor(2, "w_ih"), args.Tensor(3, "w_hh"));
        if (x.Rank != 2 || states.Length != (isLstm ? 2 : 1) || Array.Exists(states, state => state.Rank != 2) || ih.Rank != 2 || hh.Rank != 2 || !x.Sizes[1].Join(ih.Sizes[1])) throw run.Fault($"{args.Function} of {x} is not known here");
        if (Array.Exists(states, state => !state.Sizes[0].Join(x.Sizes[0]) || !state.Sizes[1].Join(hh.Sizes[1]))) throw run.Fault($"{args.Function} has states of {states[0]} for {x}");
        var tensors = new Dictionary<string, string>(StringComparer.Ordinal) { ["weight_ih"] = Name(ih), ["weight_hh"] = Name(hh) };
        if (args.Maybe(4, "b_ih") is { } first) tensors["bias_ih"] = Name(first);
        if (args.Maybe(5, "b_hh") is { } second) tensors["bias_hh"] = Name(second);
        HasRun = true;
        var (input, hidden) = (Declared(operators.Use(x)), Declared(operators.Use(states[0])));
        var (output, cell) = (graph.Graph.Fresh("hidden"), graph.Graph.Fresh("cell"));
        graph.Add(name switch
        {
            "lstm_cell" => new LstmCellLayer { Input = input, Hidden = hidden, Cell = Declared(operators.Use(states[1])), CellOutput = cell, Output = output, Tensors = tensors },
            "gru_cell" => new GruCellLayer { Input = input, Hidden = hidden, Output = output, Tensors = tensors, ResetAfter = true },
            _ => new RnnCellLayer { Input = input, Hidden = hidden, Output = output, Tensors = tensors, Nonlinearity = name == "rnn_relu_cell" ? "relu" : "tanh" },
        });
        ScriptTensor State(string value) => operators.Told(new([x.Sizes[0], hh.Sizes[1]]) { Value = value });
        return isLstm ? new object?[] { State(output), State(cell) } : State(output);
    }

    private string Name(ScriptTensor weight) => weight is { Weight: { } name, IsTurned: false } ? name : throw run.Fault("a recurrent layer's weight is computed, and only weights of the file are known here");

    private string Declared(string value)
    {
        if (!graph.Knows(value)) graph.Declare(value);
        return value;
    }
}
