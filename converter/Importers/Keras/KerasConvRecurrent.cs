using System.Globalization;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Resolving;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// ConvLSTM over one to three axes: an LSTM over steps of images, whose products are convolutions. Those of the input are computed for all steps
/// at once. Those of the state keep its size, whatever padding, strides and dilation the layer has.
/// </summary>
internal sealed class KerasConvRecurrent(KerasEmitter emitter)
{
    private const int Gates = 4, States = 2;
    private const string Prefix = "ConvLSTM", Suffix = "D";

    private GraphComposer Graph => emitter.Graph;

    /// <summary>Keras' classes.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. Enumerable.Range(1, 3).Select(axes => $"{Prefix}{axes}{Suffix}")];

    /// <summary>The number of axes between steps and channels. 0 for other classes.</summary>
    public static int AxesOf(KerasLayer layer) => Classes.Contains(layer.Class) ? int.Parse(layer.Class[Prefix.Length..^Suffix.Length], CultureInfo.InvariantCulture) : 0;

    /// <summary>One direction: the sequence in the input's order, the output of the step that is read last, and the final states, all with the channels where the input has them.</summary>
    public (string Sequence, string Last, string[] States) Run(KerasLayer layer, KerasValue x, List<KerasValue> initial, bool isBackward, IrDim batch)
    {
        var axes = AxesOf(layer);
        if (x.Rank != axes + 3) throw layer.Fault($"its input has {x.Rank} dimensions; it must have {axes + 3}: batch, steps, {(axes == 1 ? "1 axis" : $"{axes} axes")}, channels");
        if (x.Mask is not null) throw layer.Fault("its input has a mask, which is not supported here; remove the mask before it");
        KerasRecurrent.CheckInitial(layer, initial.Count, States);
        var (kernel, recurrent) = (emitter.Need(layer, "kernel", axes + 2), emitter.Need(layer, "recurrent_kernel", axes + 2));
        var (rows, filters) = (kernel.Shape[^1], recurrent.Shape[^2]);
        if (rows != (long)Gates * filters || recurrent.Shape[^1] != rows || !recurrent.Shape.AsSpan(0, axes).SequenceEqual(kernel.Shape.AsSpan(0, axes)))
            throw layer.Fault($"its kernels have shapes [{string.Join(", ", kernel.Shape)}] and [{string.Join(", ", recurrent.Shape)}]; both must have the same taps, and {Gates} gates of {filters} channels");
        layer.Expect("filters", filters);
        KerasConvolutions.ExpectSize(layer, kernel, axes);
        var bias = emitter.Bias(layer, rows) is { } given ? emitter.Constant(layer, "bias", given) : null;
        (kernel, recurrent) = (KerasKernels.ConvKernel(kernel, emitter.Version.IsTheano), KerasKernels.ConvKernel(recurrent, emitter.Version.IsTheano));
        var isFirst = KerasSpatial.IsChannelsFirst(layer);
        string Inside(string value) => isFirst ? value : Graph.Transpose(value, [0, axes + 1, .. KerasSpatial.Axes(1, axes)]);
        string Outside(string value) => isFirst ? value : Graph.Transpose(value, [0, .. KerasSpatial.Axes(2, axes), 1]);

        var steps = KerasSteps.Batch(Graph, x.Name);
        var inputs = KerasConvolutions.Convolve(Graph, layer, Inside(KerasSteps.Folded(Graph, x.Name)), emitter.Constant(layer, "kernel", kernel), bias, kernel, axes, groups: 1);
        // [N, steps, gates · filters, axes …]
        inputs = KerasSteps.Unfolded(Graph, inputs, steps);
        var isStateful = initial.Count == 0 && layer.Flag("stateful");
        string[] first = initial.Count > 0 ? [.. initial.Select(s => Inside(s.Name))] : isStateful ? Kept(layer, inputs, batch, filters, axes) : Zeros(inputs, filters);
        var weight = emitter.Constant(layer, "recurrent_kernel", recurrent);
        var count = Graph.Size(x.Name, 1);
        var (activation, gate) = (KerasFunctions.Of(layer, otherwise: "tanh"), KerasFunctions.Of(layer, "recurrent_activation", "hard_sigmoid"));
        var (last, collected) = StepLoop.Run(Graph, count, first, (round, states) =>
        {
            var at = isBackward ? Graph.Op("Sub", [Graph.Op("Sub", [count, Graph.Number(1)]), round]) : round;
            var before = Graph.Op("Conv", [states[0], weight], ("kernel_shape", Array.ConvertAll(recurrent.Shape[2..], s => (long)s)), ("auto_pad", "SAME_UPPER"));
            var sum = Graph.Op("Add", [Graph.Op("Gather", [inputs, at], ("axis", 1L)), before]);
            string[] parts = [.. Enumerable.Range(0, Gates).Select(_ => Graph.Graph.Fresh(layer.Name))];
            Graph.Ops("Split", [sum], parts, ("axis", 1L), ("num_outputs", (long)Gates));
            // A function over a row reads the last axis, as the file has it.
            string Function(KerasFunction function, string value) =>
                KerasFunctions.IsOverRow(function) ? Inside(emitter.Functions.Apply(layer, function, Outside(value), axes + 2)) : emitter.Functions.Apply(layer, function, value, axes + 2);
            var kept = Graph.Op("Mul", [Function(gate, parts[1]), states[1]]);
            var cell = Graph.Op("Add", [kept, Graph.Op("Mul", [Function(gate, parts[0]), Function(activation, parts[2])])]);
            var hidden = Graph.Op("Mul", [Function(gate, parts[3]), Function(activation, cell)]);
            return [hidden, cell, hidden];
        });
        for (var i = 0; isStateful && i < States; i++) KerasRecurrent.Keep(Graph, layer, i, last[i]);
        emitter.WrittenOut.Add(layer.Name);
        var sequence = Graph.Transpose(collected, isFirst ? [1, 0, .. KerasSpatial.Axes(2, axes + 1)] : [1, 0, .. KerasSpatial.Axes(3, axes), 2]);
        string[] after = [.. last.Select(Outside)];
        return (isBackward ? Graph.Reversed(sequence, 1) : sequence, after[0], after);
    }

    private string[] Zeros(string inputs, int filters)
    {
        var shape = Graph.Op("Concat", [Graph.Op("Shape", [inputs], ("start", 0L), ("end", 1L)), Graph.Axes(filters), Graph.Op("Shape", [inputs], ("start", 3L))], ("axis", 0L));
        var zeros = Graph.Op("Expand", [Graph.Scalar(0), shape]);
        return [zeros, zeros];
    }

    /// <summary>The states of a stateful layer [N, filters, axes …]. The runtime keeps them between runs, so their size must be known.</summary>
    private string[] Kept(KerasLayer layer, string inputs, IrDim batch, int filters, int axes)
    {
        var part = Graph.Graph.Copy();
        part.Outputs.Add(new IrPort(inputs, inputs, 0, []));
        var sizes = SizesOf(part, axes);
        if (Array.Exists(sizes, size => size < 0)) throw layer.Fault("it is stateful, but the sizes of its axes are open in the file; save the model with a fixed batch_input_shape, as Keras asks for it (--dim comes too late for them)");
        return [.. KerasRecurrent.Declare(Graph, layer, States, [batch, new IrDim(filters, null), .. sizes.Select(size => new IrDim(size, null))])];
    }

    /// <summary>
    /// The sizes of the last axes of a graph's output, negative where they are open. If a layer before is written out step by step, the graph has
    /// sizes at fixed steps only, which --dim fixes after this: they are those at any number of steps, as the check of the states' shapes makes sure.
    /// </summary>
    private static int[] SizesOf(IrGraph part, int axes)
    {
        try
        {
            var resolved = SizeProbes.Resolve(part, [], out _);
            return resolved.ShapeOf(resolved.Outputs[^1].Value).Sizes[^axes..];
        }
        catch (FixedSizeFault fault)
        {
            foreach (var (symbol, size) in fault.Sizes) part.Fix(symbol, size);
            return SizesOf(part, axes);
        }
    }
}
