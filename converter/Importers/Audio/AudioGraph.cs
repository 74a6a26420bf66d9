using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Writes layers of a model that audio passes through: values [1, T, channels], where a run has any number T of samples or frames. Recurrent
/// layers and convolutions keep their states between runs, as the programs that play these models do.
/// </summary>
internal sealed class AudioGraph
{
    /// <summary>Limit of the elements that all convolutions keep of the past.</summary>
    private const long MostPast = 1 << 24;

    private static readonly IrDim s_one = new(1, null), s_time = new(-1, "T");

    private long _past;

    /// <param name="name">The graph's name.</param>
    /// <param name="path">The file.</param>
    /// <param name="bytes">Its size.</param>
    public AudioGraph(string name, string path, int bytes)
    {
        var budget = new Budget();
        budget.Holds(bytes, nodes: 0);
        Composer = new GraphComposer(name, new WeightSet(path, []), budget, path);
    }

    public GraphComposer Composer { get; }

    /// <summary>The input [1, T, sizes…].</summary>
    public string Input(string name, params int[] sizes)
    {
        Composer.Declare(name);
        Composer.Graph.Inputs.Add(new IrPort(name, name, ElementType.Float32, [s_one, s_time, .. sizes.Select(size => new IrDim(size, null))]));
        return name;
    }

    public void Output(string name, string value) => Composer.Graph.Outputs.Add(new IrPort(name, value, 0, []));

    /// <summary>x · kernel + bias with a kernel [inputs, outputs].</summary>
    public string Dense(string layer, string x, IrTensor kernel, IrTensor? bias)
    {
        Composer.Scope = layer;
        var product = Composer.Op("MatMul", [x, Composer.Constant($"{layer}.kernel", kernel)]);
        return bias is null ? product : Composer.Op("Add", [product, Composer.Constant($"{layer}.bias", bias)]);
    }

    /// <summary>A causal convolution over [1, channels, T] that keeps its past.</summary>
    /// <param name="layer">Its name.</param>
    /// <param name="x">The value.</param>
    /// <param name="weight">[outputs, inputs / groups, taps], the oldest tap first.</param>
    /// <param name="bias">[outputs], or null.</param>
    /// <param name="dilation">The distance of its taps.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="first">What the first run sees before its first step, one value for each channel. Null for zeros.</param>
    public string Conv(string layer, string x, IrTensor weight, IrTensor? bias, int dilation = 1, int groups = 1, float[]? first = null)
    {
        Composer.Scope = layer;
        var channels = weight.Shape[1] * groups;
        var reach = Reach(layer, weight.Shape[2], dilation, channels);
        List<string?> inputs = [x, Composer.Constant($"{layer}.weight", weight), bias is null ? null : Composer.Constant($"{layer}.bias", bias)];
        List<string> outputs = [Composer.Graph.Fresh(layer)];
        if (reach > 0)
        {
            outputs.Add(Composer.Graph.Fresh($"{layer}/past"));
            inputs.Add(State($"{layer}/past", outputs[1], first is null || Array.TrueForAll(first, v => v == 0) ? null : Repeated(first, reach), 1, channels, reach));
        }

        Composer.Ops("Conv", [.. inputs], [.. outputs], ("kernel_shape", new long[] { weight.Shape[2] }), ("strides", new[] { 1L }), ("dilations", new long[] { dilation }), ("pads", new[] { 0L, 0L }), ("group", (long)groups));
        return outputs[0];
    }

    /// <summary>The steps of the past that a convolution keeps.</summary>
    public int Reach(string layer, int taps, int dilation, long channels)
    {
        var reach = (taps - 1L) * dilation;
        if ((_past += reach * Math.Max(channels, 1)) > MostPast || reach > MostPast) throw new ConversionException($"{layer}: its convolutions look back over {reach} steps of {channels} channels; all together may keep {MostPast} numbers");
        return (int)reach;
    }

    /// <summary>A recurrent layer that keeps its states.</summary>
    public string Recurrent(string x, RecurrentCells cells)
    {
        var (layer, op) = (cells.Layer, cells.Op);
        Composer.Scope = layer;
        string[] outputs = [Composer.Graph.Fresh(layer), .. Enumerable.Range(0, op.States).Select(i => Composer.Graph.Fresh($"{layer}/{op.StateName(i)}"))];
        var steps = Composer.Transpose(x, 1, 0, 2);
        var weights = RecurrentWeights.Of(Composer, layer, cells.W, cells.R, cells.Biases());
        string[] states = [.. Enumerable.Range(0, op.States).Select(i => State($"{layer}/{op.StateName(i)}", outputs[1 + i], cells.First?[i].Reshaped(1, 1, cells.Hidden), 1, 1, cells.Hidden))];
        List<(string, object)> attributes = [("hidden_size", (long)cells.Hidden), ("direction", "forward")];
        if (op == RecurrentOp.Gru) attributes.Add(("linear_before_reset", cells.IsResetAfter ? 1L : 0L));
        if (cells.Activations is { } functions) attributes.Add(("activations", functions));
        Composer.Ops(op.Name, weights.Inputs(steps, states[0], states.ElementAtOrDefault(1)), outputs, [.. attributes]);
        return Composer.Transpose(Composer.Squeeze(outputs[0], 1), 1, 0, 2);
    }

    /// <summary>Batch normalization over the last axis.</summary>
    public string Normalize(string layer, string x, IrTensor mean, IrTensor variance, IrTensor? gamma, IrTensor? beta, float epsilon)
    {
        Composer.Scope = layer;
        if (NonFinite.NoVariance($"{layer}.variance", variance, epsilon) is { } fault) throw new ConversionException(fault);
        return BatchNormLayer.Emit(Composer, x, layer, mean, variance, gamma, beta, epsilon, isLastAxis: true) ?? throw new ConversionException($"{layer}: the tensors of its batch normalization differ in length");
    }

    /// <summary>A state that begins at zero, or at <paramref name="first"/>.</summary>
    public string State(string name, string update, IrTensor? first, params int[] shape)
    {
        Composer.Declare(name);
        Composer.Graph.States.Add(new IrState(name, name, update, update, ElementType.Float32, [.. shape.Select(size => new IrDim(size, null))], first is { IsZero: true } ? null : first, IsDescribed: true));
        return name;
    }

    /// <summary>The finished model. Notes say that it streams.</summary>
    public ImportedModel Finish(List<string> notes, Dictionary<string, string> metadata, IReadOnlyList<UnusedWeight> unused)
    {
        Composer.Scope = "";
        Constants.Check(Composer.Graph);
        var states = Composer.Graph.States.Count;
        if (states > 0) notes.Add($"it streams: {(states == 1 ? "1 state is" : $"{states} states are")} kept between runs, so that a run may have any number T of samples or frames; ResetState starts again");
        if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
        return new ImportedModel(Composer.Graph) { HasStates = true, KeepsAllStates = true, Metadata = metadata, Unused = unused };
    }

    private static IrTensor Repeated(float[] values, int times) => IrTensor.Of<float>([1, values.Length, times], [.. values.SelectMany(value => Enumerable.Repeat(value, times))]);
}
