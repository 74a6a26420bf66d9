using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's short-time Fourier transform, and what is computed on its complex numbers.</summary>
internal sealed class ScriptSpectra(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        if (name == "stft") return Transform(args);
        // Angles of complex numbers are not known, but often left over.
        if (name is "atan2" or "angle") return new ScriptOther(name);
        if (args[0, "self"] is not ScriptComplex x) return null;
        switch (name)
        {
            case "abs": return operators.Node("Sqrt", x.Real.Sizes, [operators.Use(Power(x))]);
            case "real" or "imag": return name == "real" ? x.Real : x.Imaginary;
            case "view_as_real":
                string Part(ScriptTensor part) => graph.Unsqueeze(operators.Use(part), x.Real.Rank);
                return operators.Node("Concat", [.. x.Real.Sizes, new ScriptSize(2)], [Part(x.Real), Part(x.Imaginary)], ("axis", (long)x.Real.Rank));
            case "size" when args[1, "dim"] is null: return x.Real.Sizes.Select(ScriptScalars.Plain).ToList();
            case "reshape" or "view" or "slice" or "select" or "transpose" or "squeeze" or "unsqueeze" or "permute" or "contiguous" or "clone" or "mul" or "div" or "div_" or "mul_" when args[1, "other"] is not ScriptComplex:
                return new ScriptComplex(operators.Again(name, args, x.Real), operators.Again(name, args, x.Imaginary));
            default: throw run.Fault($"{args.Function} of complex numbers is not known here");
        }
    }

    private ScriptTensor Power(ScriptComplex x)
    {
        ScriptTensor Square(ScriptTensor part) => operators.Node("Mul", part.Sizes, [operators.Use(part), operators.Use(part)]);
        return operators.Node("Add", x.Real.Sizes, [operators.Use(Square(x.Real)), operators.Use(Square(x.Imaginary))]);
    }

    /// <summary>[N, samples] to complex numbers [N, bins, frames].</summary>
    private object Transform(ScriptArguments args)
    {
        // (input, n_fft, hop_length, win_length, window, normalized, onesided, return_complex); newer ones have center and pad_mode before normalized.
        var x = args.Tensor(0, "input");
        var (size, isNew) = (args.Int(1, "n_fft", 0), args[6, "pad_mode"] is string);
        var (hop, width) = (args.Int(2, "hop_length", size / 4), args.Int(3, "win_length", size));
        var next = isNew ? 2 : 0;
        if (isNew && args.Flag(5, "center")) throw run.Fault($"{args.Function} with center=True is not known here");
        if (args.Flag(5 + next, "normalized")) throw run.Fault($"{args.Function} with normalized=True is not known here");
        var isOneSided = args[6 + next, "onesided"] is not false;
        const int most = 1 << 12;
        if (x.Rank is not (1 or 2) || size is < 1 or > most || width < 1 || width > size || hop < 1) throw run.Fault($"{args.Function} of {x} is not known here");
        var window = new float[size];
        var given = args.Maybe(4, "window") is { } weights ? operators.Read(weights).ToFloats() : null;
        if (given is not null && given.Length != width) throw run.Fault($"{args.Function} has a window of {given.Length} for {width}");
        // A shorter window stands in the middle.
        for (var i = 0; i < width; i++) window[(size - width) / 2 + i] = given?[i] ?? 1;
        var bins = isOneSided ? size / 2 + 1 : size;
        var signal = operators.Use(x);
        if (x.Rank == 1) signal = graph.Unsqueeze(signal, 0);
        var kernel = new float[2 * bins * size];
        (double Sin, double Cos)[] circle = [.. Enumerable.Range(0, (int)size).Select(i => Math.SinCos(2 * Math.PI * i / size))];
        for (var k = 0L; k < bins; k++)
        {
            for (var i = 0L; i < size; i++)
            {
                var (sin, cos) = circle[k * i % size];
                kernel[k * size + i] = (float)(cos * window[i]);
                kernel[(bins + k) * size + i] = (float)(-sin * window[i]);
            }
        }

        var frames = x.Sizes[^1].Number is { } samples && samples >= size ? new ScriptSize((int)((samples - size) / hop) + 1) : new ScriptSize();
        ScriptSize[] batch = x.Rank == 1 ? [new ScriptSize(1)] : [x.Sizes[0]];
        var both = graph.Op("Conv", [graph.Unsqueeze(signal, 1), graph.Constant("stft", Graph.IrTensor.Of<float>([(int)(2 * bins), 1, (int)size], kernel))], ("kernel_shape", (long[])[size]), ("strides", (long[])[hop]));
        ScriptTensor Half(long from) => operators.Node("Slice", [.. batch, new ScriptSize((int)bins), frames], [both, graph.Axes(from), graph.Axes(from + bins), graph.Axes(1)]);
        ScriptTensor Whole(ScriptTensor half) => x.Rank == 2 ? half : operators.Node("Squeeze", half.Sizes[1..], [operators.Use(half), graph.Axes(0)]);
        var result = new ScriptComplex(Whole(Half(0)), Whole(Half(bins)));
        if (args[7 + next, "return_complex"] is true) return result;
        string Part(ScriptTensor part) => graph.Unsqueeze(operators.Use(part), part.Rank);
        return operators.Node("Concat", [.. result.Real.Sizes, new ScriptSize(2)], [Part(result.Real), Part(result.Imaginary)], ("axis", (long)result.Real.Rank));
    }
}
