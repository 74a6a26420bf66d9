using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>The layers of Neural Amp Modeler's networks, over [1, channels, T]. Each also computes what silence becomes.</summary>
internal sealed class NamLayers(AudioGraph graph, NamWeights weights, string prefix)
{
    public NamWeights Weights => weights;

    public string Prefix => prefix;

    /// <summary>A causal convolution: weights [outputs, inputs / groups, taps] and the bias follow in the list.</summary>
    public Sound Conv(string name, Sound x, int outputs, int taps = 1, int dilation = 1, int groups = 1, bool hasBias = true)
    {
        name = prefix + name;
        if (x.Channels % groups != 0 || outputs % groups != 0) throw new ConversionException($"{name}: {x.Channels} channels to {outputs} cannot be cut into {groups} groups");
        var weight = weights.Tensor(name, outputs, x.Channels / groups, taps);
        return Conv(name, x, weight, hasBias ? weights.Tensor(name, outputs) : null, dilation, groups);
    }

    /// <summary>The same with given weights. The name is whole.</summary>
    public Sound Conv(string name, Sound x, IrTensor weight, IrTensor? bias, int dilation, int groups)
    {
        var y = graph.Conv(name, x.Name, weight, bias, dilation, groups, Array.ConvertAll(x.Silence, v => (float)v));
        var (outputs, inputs, taps) = (weight.Shape[0], weight.Shape[1], weight.Shape[2]);
        var silence = new double[outputs];
        for (var o = 0; o < outputs; o++)
        {
            var from = o / (outputs / groups) * inputs;
            silence[o] = bias is null ? 0 : bias.Floats[o];
            for (var i = 0; i < inputs; i++)
            {
                foreach (var tap in weight.Floats.Slice((o * inputs + i) * taps, taps)) silence[o] += tap * x.Silence[from + i];
            }
        }

        return new Sound(y, silence);
    }

    public Sound Add(Sound a, Sound b) => Pointwise("Add", a, b, (x, y) => x + y);

    public Sound Multiply(Sound a, Sound b) => Pointwise("Mul", a, b, (x, y) => x * y);

    public Sound Subtract(Sound a, Sound b) => Pointwise("Sub", a, b, (x, y) => x - y);

    public Sound Scaled(Sound x, float factor) => new(graph.Composer.Op("Mul", [x.Name, graph.Composer.Scalar(factor)]), Array.ConvertAll(x.Silence, v => v * factor));

    /// <summary>Each channel times a factor, plus a number.</summary>
    public Sound Affine(string name, Sound x, float[] factors, float[] shifts)
    {
        string Column(string what, float[] values) => graph.Composer.Constant($"{prefix}{name}.{what}", IrTensor.Of<float>([1, values.Length, 1], values));
        return new(graph.Composer.Op("Add", [graph.Composer.Op("Mul", [x.Name, Column("scale", factors)]), Column("shift", shifts)]), [.. x.Silence.Select((v, i) => v * factors[i] + shifts[i])]);
    }

    /// <summary>Channels from <paramref name="start"/> on.</summary>
    public Sound Channels(Sound x, int start, int count) =>
        start == 0 && count == x.Channels ? x : new(graph.Composer.Op("Slice", [x.Name, graph.Composer.Axes(start), graph.Composer.Axes(start + count), graph.Composer.Axes(1)]), x.Silence[start..(start + count)]);

    public Sound Activated(Sound x, NamFunction function) => new(function.Emit(graph, prefix, x), [.. x.Silence.Select((v, i) => function.Of(v, i))]);

    /// <summary>Feature-wise linear modulation: the condition gives a factor for each channel, and maybe a number to add. Perez et al. 2017, arXiv:1709.07871.</summary>
    public Sound Modulated(string name, Sound x, Sound condition, IrTensor weight, IrTensor bias, (bool HasShift, int Groups) form)
    {
        var both = Conv(name, condition, weight, bias, dilation: 1, form.Groups);
        var scaled = Multiply(x, Channels(both, 0, x.Channels));
        return form.HasShift ? Add(scaled, Channels(both, x.Channels, x.Channels)) : scaled;
    }

    private Sound Pointwise(string op, Sound a, Sound b, Func<double, double, double> of)
    {
        if (a.Channels != b.Channels) throw new ConversionException($"{prefix}: values of {a.Channels} and {b.Channels} channels meet; they must be equal");
        return new(graph.Composer.Op(op, [a.Name, b.Name]), [.. a.Silence.Zip(b.Silence, of)]);
    }
}
