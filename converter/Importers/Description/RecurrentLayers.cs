using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A recurrent layer over whole sequences, batch first: [N, T, features] to [N, T, directions · H]. It has as many stacked layers as the
/// weight file (<c>weight_ih_l0</c>, <c>weight_ih_l1</c> …). Final states are [layers · directions, N, H], as in PyTorch.
/// </summary>
internal abstract record SequenceLayer : UnaryLayer
{
    public bool Bidirectional { get; set; }

    /// <summary>Value [N] with the number of steps of each sequence. Outputs after them are zero, and final states are those of the last step that counts.</summary>
    public string? Lengths { get; set; }

    /// <summary>Value [N, T] that is 0 at steps that do not count: they leave the states unchanged, and their outputs are zero.</summary>
    public string? Mask { get; set; }

    /// <summary>Value with the initial hidden states [layers · directions, N, H]. Zeros if omitted.</summary>
    public string? Initial { get; set; }

    /// <summary>Name for the last hidden states [layers · directions, N, H].</summary>
    public string? Final { get; set; }

    /// <summary>The operator of the layer whose weights end in <paramref name="suffix"/>.</summary>
    protected abstract RecurrentOp KindOf(GraphComposer graph, string suffix);

    /// <summary>Initial and final cell states, if the layer has them besides hidden states.</summary>
    protected virtual (string? Initial, string? Final) Cells => (null, null);

    /// <summary>The node's attributes besides its size and direction.</summary>
    protected virtual (string, object)[] Attributes(GraphComposer graph, int directions) => [];

    public override void Emit(GraphComposer graph)
    {
        var layers = 1;
        while (graph.Has($"weight_ih_l{layers}")) layers++;
        if (!Bidirectional && graph.Has("weight_ih_l0_reverse")) throw graph.Fault($"the file has '{graph.NameOf("weight_ih_l0_reverse")}', the backward direction of a bidirectional layer; add \"bidirectional\": true");
        var directions = Bidirectional ? 2 : 1;
        if (Lengths is not null && Mask is not null) throw graph.Fault("give 'lengths' or 'mask', not both");
        var packing = Mask is null ? null : new MaskPacking(graph, graph.Read(Input), graph.Op("Not", [graph.Op("Equal", [graph.Read(Mask), graph.Scalar(0)])]), isBackward: false);
        var lengths = packing?.Lengths ?? (Lengths is null ? null : graph.Op("Cast", [graph.Read(Lengths)], ("to", 6L)));
        var value = graph.Transpose(packing?.Packed ?? graph.Read(Input), 1, 0, 2);
        List<string> hiddens = [], cells = [];
        for (var layer = 0; layer < layers; layer++)
        {
            string[] suffixes = Bidirectional ? [$"_l{layer}", $"_l{layer}_reverse"] : [$"_l{layer}"];
            var kind = KindOf(graph, suffixes[0]);
            // A node has one projection, so each direction of a layer with projections is a node.
            string[][] nodes = Bidirectional && graph.Has("weight_hr" + suffixes[0]) ? [[suffixes[0]], [suffixes[1]]] : [suffixes];
            List<string> sequences = [];
            foreach (var (i, own) in nodes.Index())
            {
                var weights = RecurrentWeights.Read(graph, kind, own);
                var first = layer * directions + i;
                string? First(string? all) => all is null ? null
                    : layers == 1 && nodes.Length == 1 ? graph.Read(all)
                    : graph.Op("Slice", [graph.Read(all), graph.Axes(first), graph.Axes(first + own.Length), graph.Axes(0)]);
                string[] outputs = [graph.Graph.Fresh(Output), graph.Graph.Fresh("hidden"), .. Cells.Final is null ? Array.Empty<string>() : [graph.Graph.Fresh("cell")]];
                graph.Ops(
                    kind.Name,
                    weights.Inputs(value, First(Initial), First(Cells.Initial), lengths),
                    outputs,
                    [("hidden_size", (long)weights.Hidden), ("direction", own.Length > 1 ? "bidirectional" : i == 0 ? "forward" : "reverse"), .. Attributes(graph, own.Length)]);
                sequences.Add(outputs[0]);
                hiddens.Add(outputs[1]);
                if (outputs.Length > 2) cells.Add(outputs[2]);
            }

            var sequence = sequences.Count == 1 ? sequences[0] : graph.Op("Concat", [.. sequences], ("axis", 1L));
            // [T, directions, N, H] to [T, N, directions · H], or in the last layer to [N, T, directions · H].
            value = layer < layers - 1
                ? graph.Op("Reshape", [graph.Transpose(sequence, 0, 2, 1, 3), graph.Axes(0, 0, -1)])
                : graph.Op("Reshape", [graph.Transpose(sequence, 2, 0, 1, 3), graph.Axes(0, 0, -1)], packing is null ? Output : graph.Graph.Fresh(Output));
        }

        if (packing is not null) graph.Op("Identity", [packing.Unpack(value, isZeroElsewhere: true)], Output);

        Join(graph, Final, hiddens);
        Join(graph, Cells.Final, cells);
    }

    private static void Join(GraphComposer graph, string? name, List<string> parts)
    {
        if (name is null) return;
        graph.Op(parts.Count == 1 ? "Identity" : "Concat", [.. parts], name, parts.Count == 1 ? [] : [("axis", 0L)]);
        graph.Declare(name);
    }
}

/// <summary>Simple RNN, Elman 1990: h' = f(W x + U h + b).</summary>
internal sealed record RnnLayer : SequenceLayer
{
    /// <summary>PyTorch's name of the activation: tanh or relu.</summary>
    public string? Nonlinearity { get; set; }

    /// <summary>The function f: tanh if omitted.</summary>
    public string? Activation { get; set; }

    protected override RecurrentOp KindOf(GraphComposer graph, string suffix) => RecurrentOp.Rnn;

    protected override (string, object)[] Attributes(GraphComposer graph, int directions) => CellFunctions.OfRnn(graph, Nonlinearity, Activation, directions);
}

/// <summary>Gated recurrent unit, Cho et al. 2014. The reset gate acts on the recurrent product, as in PyTorch, unless <c>reset_after</c> is false.</summary>
internal sealed record GruLayer : SequenceLayer
{
    /// <summary>If omitted: as the biases of a Keras file show, true for all other files.</summary>
    public bool? ResetAfter { get; set; }

    /// <summary>The candidate's function: tanh if omitted.</summary>
    public string? Activation { get; set; }

    /// <summary>The gates' function: sigmoid if omitted.</summary>
    public string? RecurrentActivation { get; set; }

    protected override RecurrentOp KindOf(GraphComposer graph, string suffix) => RecurrentOp.Gru;

    protected override (string, object)[] Attributes(GraphComposer graph, int directions) =>
        [ResetGates.Attribute(graph, ResetAfter, "_l0"), .. CellFunctions.Of(graph, RecurrentOp.Gru, Activation, RecurrentActivation, directions)];
}

/// <summary>Long short-term memory, Hochreiter and Schmidhuber 1997, with a forget gate. With <c>weight_hr_l0</c> [P, H] … the hidden state is projected (PyTorch's proj_size): h = W (o · tanh c).</summary>
internal sealed record LstmLayer : SequenceLayer
{
    /// <summary>Value with the initial cell states [layers · directions, N, H]. Zeros if omitted.</summary>
    public string? InitialCell { get; set; }

    /// <summary>Name for the last cell states [layers · directions, N, H].</summary>
    public string? FinalCell { get; set; }

    /// <summary>The function of the candidate and of the cell state: tanh if omitted.</summary>
    public string? Activation { get; set; }

    /// <summary>The gates' function: sigmoid if omitted.</summary>
    public string? RecurrentActivation { get; set; }

    protected override RecurrentOp KindOf(GraphComposer graph, string suffix) => RecurrentOp.Lstm;

    protected override (string, object)[] Attributes(GraphComposer graph, int directions) => CellFunctions.Of(graph, RecurrentOp.Lstm, Activation, RecurrentActivation, directions);

    protected override (string? Initial, string? Final) Cells => (InitialCell, FinalCell);
}

/// <summary>Minimal gated unit, Zhou et al. 2016, arXiv:1603.09420: a GRU with one gate. Rows of the weights: the gate f, then the candidate.</summary>
internal sealed record MguLayer : SequenceLayer
{
    protected override RecurrentOp KindOf(GraphComposer graph, string suffix) => RecurrentOp.Mgu;
}

/// <summary>
/// Simple recurrent unit, Lei et al. 2018, arXiv:1709.02755: f = σ(Wf x + vf ⊙ c + bf), c' = f ⊙ c + (1 - f) ⊙ (W x), r = σ(Wr x + vr ⊙ c + br),
/// h = r ⊙ c' + (1 - r) ⊙ α x. <c>weight_ih</c> [3 · H, I] has the rows of W, Wf and Wr. If I is not H, it has H more rows, whose product with x
/// replaces x in the highway. <c>weight_c</c> [2 · H] is vf and vr, <c>bias_ih</c> [2 · H] bf and br. The layer's states are its cell states c.
/// </summary>
internal sealed record SruLayer : SequenceLayer
{
    /// <summary>The factor α of the highway.</summary>
    public float Alpha { get; set; } = 1;

    protected override RecurrentOp KindOf(GraphComposer graph, string suffix)
    {
        if (!float.IsFinite(Alpha)) throw graph.Fault($"alpha is {Alpha.ToString(System.Globalization.CultureInfo.InvariantCulture)}; a number is needed");
        var weight = graph.Need("weight_ih" + suffix, 2);
        var units = graph.Need("weight_c" + suffix, 1).Shape[0] / RecurrentOp.Sru.Vectors;
        return weight.Shape[0] == RecurrentOp.ProjectedSru.Gates * (long)units || weight.Shape[1] != units ? RecurrentOp.ProjectedSru : RecurrentOp.Sru;
    }

    protected override (string, object)[] Attributes(GraphComposer graph, int directions) => Alpha == 1 ? [] : [("alpha", Alpha)];
}

/// <summary>One step of a recurrent layer: [N, features] and the hidden state [N, H] to the new hidden state. Weights have PyTorch's names of a cell (<c>weight_ih</c>) or of a layer (<c>weight_ih_l0</c>).</summary>
internal abstract record CellLayer : UnaryLayer
{
    /// <summary>Value with the hidden state [N, H].</summary>
    public required string Hidden { get; init; }

    /// <summary>The suffix of a cell's weight names.</summary>
    protected static string Suffix(GraphComposer graph) => graph.Has("weight_ih") ? "" : "_l0";

    protected void EmitStep(GraphComposer graph, RecurrentOp kind, string? cell, string? cellOutput, params (string, object)[] attributes)
    {
        var weights = RecurrentWeights.Read(graph, kind, Suffix(graph));
        string[] outputs = ["", graph.Graph.Fresh("hidden"), .. cellOutput is null ? Array.Empty<string>() : [graph.Graph.Fresh("cell")]];
        var x = graph.Unsqueeze(graph.Read(Input), 0);
        var h = graph.Unsqueeze(graph.Read(Hidden), 0);
        graph.Ops(kind.Name, weights.Inputs(x, h, cell is null ? null : graph.Unsqueeze(graph.Read(cell), 0)), outputs, [("hidden_size", (long)weights.Hidden), .. attributes]);
        graph.Op("Squeeze", [outputs[1], graph.Axes(0)], Output);
        if (cellOutput is null) return;
        graph.Op("Squeeze", [outputs[2], graph.Axes(0)], cellOutput);
        graph.Declare(cellOutput);
    }
}

/// <summary>One step of a simple RNN.</summary>
internal sealed record RnnCellLayer : CellLayer
{
    /// <inheritdoc cref="RnnLayer.Nonlinearity"/>
    public string? Nonlinearity { get; set; }

    /// <inheritdoc cref="RnnLayer.Activation"/>
    public string? Activation { get; set; }

    public override void Emit(GraphComposer graph) => EmitStep(graph, RecurrentOp.Rnn, null, null, CellFunctions.OfRnn(graph, Nonlinearity, Activation, 1));
}

/// <summary>One step of a GRU.</summary>
internal sealed record GruCellLayer : CellLayer
{
    /// <inheritdoc cref="GruLayer.ResetAfter"/>
    public bool? ResetAfter { get; set; }

    /// <inheritdoc cref="GruLayer.Activation"/>
    public string? Activation { get; set; }

    /// <inheritdoc cref="GruLayer.RecurrentActivation"/>
    public string? RecurrentActivation { get; set; }

    public override void Emit(GraphComposer graph) =>
        EmitStep(graph, RecurrentOp.Gru, null, null, [ResetGates.Attribute(graph, ResetAfter, Suffix(graph)), .. CellFunctions.Of(graph, RecurrentOp.Gru, Activation, RecurrentActivation, 1)]);
}

/// <summary>One step of an LSTM. The new cell state is <see cref="CellOutput"/>.</summary>
internal sealed record LstmCellLayer : CellLayer
{
    /// <summary>Value with the cell state [N, H].</summary>
    public required string Cell { get; init; }

    /// <summary>Name for the new cell state [N, H].</summary>
    public required string CellOutput { get; init; }

    /// <inheritdoc cref="LstmLayer.Activation"/>
    public string? Activation { get; set; }

    /// <inheritdoc cref="LstmLayer.RecurrentActivation"/>
    public string? RecurrentActivation { get; set; }

    public override void Emit(GraphComposer graph) => EmitStep(graph, RecurrentOp.Lstm, Cell, CellOutput, CellFunctions.Of(graph, RecurrentOp.Lstm, Activation, RecurrentActivation, 1));
}

/// <summary>Decides whether a GRU's reset gate acts on the recurrent product or before it. This changes the results but not the shapes of the weights.</summary>
internal static class ResetGates
{
    /// <param name="graph">The layer's weights.</param>
    /// <param name="given">The description's choice, if it has one.</param>
    /// <param name="suffix">The suffix of its weight names.</param>
    public static (string, object) Attribute(GraphComposer graph, bool? given, string suffix) => ("linear_before_reset", IsAfter(graph, given, suffix) ? 1L : 0L);

    private static bool IsAfter(GraphComposer graph, bool? given, string suffix)
    {
        var (isOfInput, isOfState) = (graph.Has("bias_ih" + suffix), graph.Has("bias_hh" + suffix));
        if (!graph.IsKeras)
        {
            if (given is null && isOfInput != isOfState) graph.Notes.Add($"layer '{graph.Scope}': the GRU has one bias, but PyTorch's GRU has two or none; its reset gate is assumed to act after the product, as in PyTorch. If it acts before, give \"reset_after\": false");
            if (given == false && isOfInput && isOfState) graph.Notes.Add($"layer '{graph.Scope}': it has two biases like PyTorch's GRU, whose reset gate acts after the product; \"reset_after\": false makes it act before");
            return given ?? true;
        }

        // A Keras layer has two biases if the gate acts after the product, and one if it acts before.
        bool? told = isOfInput ? isOfState : null;
        if (given is { } said && told is { } found && said != found)
            throw graph.Fault($"it has \"reset_after\": {(said ? "true" : "false")}, but the file has {(found ? "two biases [2, 3u]" : "one bias [3u]")}, which means reset_after {(found ? "true" : "false")}; give that value or omit it");
        if ((given ?? told) is not { } isAfter) throw graph.Fault("it has no bias that shows whether its reset gate acts after the product (TensorFlow 2, Keras 3) or before; give \"reset_after\": true or false");
        if (given is null && !isAfter) graph.Notes.Add($"layer '{graph.Scope}': reset_after is false, because it has one bias");
        return isAfter;
    }
}
