namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Convolutions over time and over images, and what leads from an image to features or steps.</summary>
internal sealed partial class ChainDraft
{
    private void Convolve(Module module)
    {
        To(Form.Channels);
        _isShortened = true;
        var taps = module.Shape("weight")![2];
        var isTransposed = module.Kind == ModuleKind.ConvTranspose1d;
        var isWide = taps > 1;
        Mode(module);
        Put(
            isTransposed ? "conv_transpose1d" : "conv1d",
            module,
            ("groups", isTransposed ? null : Groups(module)),
            ("stride", Told(module, "stride") ?? (isWide ? _graph.Ask($"{module}", "the stride", "1", "stride") : null)),
            ("padding", Told(module, "padding") ?? (isWide ? _graph.Ask($"{module}", isTransposed ? "the steps that are cut at each end" : "the zeros at each end", "0", "padding") : null)),
            ("dilation", Told(module, "dilation") ?? (isWide ? _graph.Ask($"{module}", "the dilation", "1", "dilation") : null)),
            ("output_padding", isTransposed ? Told(module, "output_padding") ?? _graph.Ask($"{module}", "the output padding", "0", "output_padding") : null));
        _unbent = module;
    }

    private void ConvolveImage(Module module)
    {
        if (_form != Form.Image) _value = _graph.Layer("reshape", _graph.Fresh("image"), ("input", Q(_value)), ("shape", _graph.Ask($"before {module}", "the shape of the image [N, channels, H, W], a list such as [0, 1, -1, 40]: 0 keeps an axis, -1 takes the rest")));
        _form = Form.Image;
        _isShortened = true;
        var isWide = module.Shape("weight")![2] > 1 || module.Shape("weight")![3] > 1;
        Mode(module);
        if (module.Whole is null) _graph.Guess($"{module}: no pooling is put after it; pooling has no weights: add max_pool or average_pool if the model has one");
        Put(
            "conv2d",
            module,
            ("groups", Groups(module)),
            ("stride", Told(module, "stride") ?? _graph.Ask($"{module}", "the stride, a number or [of H, of W]", "1", "stride")),
            ("padding", Told(module, "padding") ?? (isWide ? _graph.Ask($"{module}", "the zeros at each end, a number or [of H, of W]", "0", "padding") : null)),
            ("dilation", Told(module, "dilation") ?? (isWide ? _graph.Ask($"{module}", "the dilation", "1", "dilation") : null)));
        _unbent = module;
    }

    /// <summary>The groups, where the value has several times the channels that the weight takes. Null for one.</summary>
    private string? Groups(Module module) => module.In > 0 && _width > module.In && _width % module.In == 0 ? J(_width / module.In) : null;

    /// <summary>Says where the model pads with something other than zeros.</summary>
    private void Mode(Module module)
    {
        if (module.Whole?.Text("padding_mode") is { } mode && mode != "zeros") _graph.Guess($"{module}: its padding is of the kind '{mode}', and zeros are put here");
    }

    /// <summary>Makes features of an image: all of it, or of each channel its mean.</summary>
    private void Flatten(Module module)
    {
        if (module.In == _width)
        {
            _graph.Guess($"{module} takes as many features as there are channels: the mean over H and W is put before it; it may also be another pooling");
            _value = _graph.Layer("mean", _graph.Fresh("pooled"), ("input", Q(_value)), ("axis", "[2, 3]"));
        }
        else
        {
            _graph.Guess($"{module} takes all {module.In} elements of the image in the order of channels, H and W");
            _value = _graph.Layer("reshape", _graph.Fresh("flat"), ("input", Q(_value)), ("shape", $"[0, {module.In}]"));
        }

        _form = Form.Row;
    }

    /// <summary>Makes features of all steps.</summary>
    private void FlattenSteps(Module module)
    {
        var steps = J(module.In / _width);
        _graph.Guess($"{module} takes all {steps} steps of '{_value}' in their order, each with {_width} {(_form == Form.Channels ? "channels" : "features")}: the model runs on sequences of one length");
        // Without convolutions, which may shorten it, that is the length of the input.
        if (_form == Form.Steps && !_isShortened && _graph.Inputs is [var (name, shape)]) _graph.Inputs[0] = (name, shape.Replace("\"T\"", steps, StringComparison.Ordinal));
        _value = _graph.Layer("reshape", _graph.Fresh("flat"), ("input", Q(_value)), ("shape", $"[0, {module.In}]"));
        _form = Form.Row;
    }

    /// <summary>Makes steps of an image's columns or rows.</summary>
    private void Lines(Module module)
    {
        _value = _graph.Layer("transpose", _graph.Fresh("lines"), ("input", Q(_value)), ("order", _graph.Ask($"before {module}", "the order of the axes, a list: [0, 3, 1, 2] if the steps are along W, or [0, 2, 1, 3] along H; [0, 3, 2, 1] and [0, 2, 3, 1] if channels are last", null, "order")));
        _value = _graph.Layer("reshape", _graph.Fresh("steps"), ("input", Q(_value)), ("shape", $"[0, -1, {module.In}]"));
        _form = Form.Steps;
    }
}
