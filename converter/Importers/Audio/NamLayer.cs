using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>One layer of a WaveNet's array.</summary>
internal sealed class NamLayer(NamLayers layers, string name, Dictionary<string, (bool HasShift, int Groups)?> films)
{
    private readonly Dictionary<string, (IrTensor Weight, IrTensor Bias)> _films = [];

    public required (IrTensor Weight, IrTensor? Bias, int Groups) Conv { get; init; }

    public required (IrTensor Weight, IrTensor? Bias, int Groups) Mixin { get; init; }

    public (IrTensor Weight, IrTensor? Bias, int Groups)? Next { get; init; }

    public (IrTensor Weight, IrTensor? Bias, int Groups)? Head { get; init; }

    /// <summary>Reads the weights of the modulations that are active.</summary>
    public void ReadFilms(string[] order, int conditions, int channels, int width, int bottleneck, int headChannels)
    {
        foreach (var film in order)
        {
            if (films[film] is not { } form) continue;
            var modulated = film switch
            {
                "conv_pre_film" or "layer1x1_post_film" => channels,
                "input_mixin_pre_film" => conditions,
                "activation_post_film" => bottleneck,
                "head1x1_post_film" => headChannels,
                _ => width,
            };
            var rows = (form.HasShift ? 2 : 1) * modulated;
            if (conditions % form.Groups != 0 || rows % form.Groups != 0) throw new ConversionException($"{name}: {film} cannot be cut into {form.Groups} groups");
            _films[film] = (layers.Weights.Tensor(name, rows, conditions / form.Groups, 1), layers.Weights.Tensor(name, rows));
        }
    }

    /// <returns>The value for the next layer, and the part of the head's sum.</returns>
    public (Sound Value, Sound Head) Add(Sound x, Sound condition, int dilation, NamFunction function, NamFunction? gate, bool isBlended, int bottleneck)
    {
        var conv = Product("conv", Film("conv_pre_film", x, condition), Conv, dilation);
        var mixed = Product("input_mixin", Film("input_mixin_pre_film", condition, condition), Mixin);
        var sum = Film("activation_pre_film", layers.Add(Film("conv_post_film", conv, condition), Film("input_mixin_post_film", mixed, condition)), condition);
        var active = Film("activation_post_film", Gated(sum, function, gate, isBlended, bottleneck), condition);
        var toHead = Head is { } head ? Film("head1x1_post_film", Product("head1x1", active, head), condition) : active;
        if (Next is not { } next) return (x, toHead);
        return (layers.Add(x, Film("layer1x1_post_film", Product("layer1x1", active, next), condition)), toHead);
    }

    private Sound Gated(Sound sum, NamFunction function, NamFunction? gate, bool isBlended, int bottleneck)
    {
        if (gate is null) return layers.Activated(sum, function);
        var plain = layers.Channels(sum, 0, bottleneck);
        var (active, share) = (layers.Activated(plain, function), layers.Activated(layers.Channels(sum, bottleneck, bottleneck), gate));
        // share · active + (1 - share) · plain
        return isBlended ? layers.Add(plain, layers.Multiply(share, layers.Subtract(active, plain))) : layers.Multiply(active, share);
    }

    private Sound Product(string part, Sound x, (IrTensor Weight, IrTensor? Bias, int Groups) conv, int dilation = 1)
    {
        if (x.Channels % conv.Groups != 0 || conv.Weight.Shape[0] % conv.Groups != 0) throw new ConversionException($"{name}: {part} cannot be cut into {conv.Groups} groups");
        return layers.Conv($"{layers.Prefix}{name}.{part}", x, conv.Weight, conv.Bias, dilation, conv.Groups);
    }

    private Sound Film(string film, Sound x, Sound condition) =>
        _films.TryGetValue(film, out var weights) ? layers.Modulated($"{layers.Prefix}{name}.{film}", x, condition, weights.Weight, weights.Bias, films[film]!.Value) : x;
}
