using System.Globalization;
using System.Numerics;
using System.Text.Json;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Tests.Importers.AudioFormats;

namespace SeqRuntime.Tests.RealModels;

/// <summary>
/// What the real models of other authors must give, run after run: the outputs of their ONNX files in ONNX Runtime, of the framework that
/// trained them, or of their formula in double precision. An empty output is not compared.
/// </summary>
internal static class References
{
    private const int Frames = 1200;

    /// <summary>Frames of a file of DTLN's that is run operator by operator, which takes long.</summary>
    private const int PlainFrames = 1000;

    private static readonly Lazy<List<DtlnFrame>> s_dtln = new(() => [.. Dtln()]);
    private static readonly Lazy<List<(float[], float[])>> s_quantizedMask = new(() => [.. Quantized("dtln/model_quant_1.tflite", frame => frame.Magnitude)]);
    private static readonly Lazy<List<(float[], float[])>> s_quantizedRefine = new(() => [.. Quantized("dtln/model_quant_2.tflite", frame => frame.Block)]);
    private static readonly Lazy<List<(float[], float[])>> s_gtcrn = new(() => [.. Gtcrn()]);
    private static readonly Lazy<List<(float[], float[])>> s_silero = new(() => [.. Silero("silero_vad_16k_op15.onnx")]);

    /// <summary>Inputs and first outputs.</summary>
    /// <param name="name">The model, and where it has several graphs the graph.</param>
    public static IEnumerable<(float[] Input, float[] Output)> Of(string name) => name.Split(' ') switch
    {
        ["dtln", "mask"] => s_dtln.Value.Select(frame => (frame.Magnitude, frame.Gains)),
        ["dtln", "refine"] => s_dtln.Value.Select(frame => (frame.Block, frame.Clean)),
        ["dtln-quantized", "mask"] => s_quantizedMask.Value,
        ["dtln-quantized", "refine"] => s_quantizedRefine.Value,
        ["silero", "silero_vad_16k_op15.onnx"] => s_silero.Value,
        ["silero", var file] => Silero(file),
        ["gtcrn"] => s_gtcrn.Value,
        ["nam"] => Amplifier(),
        ["rtneural", "conv1d_torch"] => TorchConvolution(),
        ["rtneural", var file] => AudioRuns.Table($"rtneural/{file}_x_python.csv").Zip(AudioRuns.Table($"rtneural/{file}_y_python.csv"), (x, y) => (Floats(x), Floats(y))),
        ["aircraft"] => Windows("aircraft-rul/lstm_model.onnx", "input_layer", "output_0", 30, 17),
        ["stressrnn"] => Windows("stressrnn/model.onnx", "bidirectional_1_input", "activation_1", 40, 36).Concat(Words()),
        ["quant-sentinel", "lstm"] => Windows("quant-sentinel/lstm.onnx", "args_0", "Identity:0", 60, 36).Concat(Sentinel()),
        ["quant-sentinel", "attention"] => Windows("quant-sentinel/attention.onnx", "args_0", "Identity:0", 60, 36),
        ["unitree"] => Policy(),
        ["lwtnn", var outputs, var features, var units] => Published($"lwtnn/{outputs}", int.Parse(features, CultureInfo.InvariantCulture), int.Parse(units, CultureInfo.InvariantCulture)),
        _ => throw new ArgumentException(name),
    };

    /// <summary>DTLN over noisy speech: the mask of each frame is applied before the second graph runs.</summary>
    private static IEnumerable<DtlnFrame> Dtln()
    {
        using var mask = OrtStream.DtlnMask(Models.Need("dtln/model_1.onnx"));
        using var refine = OrtStream.DtlnRefine(Models.Need("dtln/model_2.onnx"));
        var samples = Audio.Read(Models.Need("audio/noisy-speech-16k.wav"));
        for (var start = 0; start + 512 <= samples.Length; start += 128)
        {
            var spectrum = Audio.Transform([.. samples.AsSpan(start, 512).ToArray().Select(s => new Complex(s, 0))]);
            var magnitude = Array.ConvertAll(spectrum[..257], c => (float)c.Magnitude);
            var gains = mask.Step(magnitude);
            for (var i = 0; i < 512; i++) spectrum[i] *= gains[i <= 256 ? i : 512 - i];
            var block = Array.ConvertAll(Audio.Transform(spectrum, 1), c => (float)(c.Real / 512));
            yield return new DtlnFrame(magnitude, gains, block, refine.Step(block));
        }
    }

    /// <summary>A quantized file's operators, one after another in double precision.</summary>
    private static IEnumerable<(float[], float[])> Quantized(string file, Func<DtlnFrame, float[]> input)
    {
        var path = Models.Need(file);
        var plain = new PlainTflite(TfliteFile.Read(File.ReadAllBytes(path), path));
        var state = new double[512];
        foreach (var frame in s_dtln.Value.Take(PlainFrames))
        {
            var results = plain.Run(Numbers.Doubles(input(frame)), state);
            state = results[1];
            yield return (input(frame), Floats(results[0]));
        }
    }

    /// <summary>A minute of speech: 64 old and 512 new samples in each frame.</summary>
    private static IEnumerable<(float[], float[])> Silero(string file)
    {
        using var ort = OrtStream.Silero(Models.Need($"silero-vad/{file}"));
        var samples = Audio.Read(Models.Need("audio/silero-test.wav"));
        for (var start = 0; start + 512 <= samples.Length; start += 512)
        {
            float[] frame = [.. start == 0 ? new float[64] : samples[(start - 64)..start], .. samples[start..(start + 512)]];
            yield return (frame, ort.Step(frame));
        }
    }

    /// <summary>Spectra of noisy and clean speech, in windows of the square root of Hann's, periodic.</summary>
    private static IEnumerable<(float[], float[])> Gtcrn()
    {
        const int window = 512, hop = 256;
        using var ort = OrtStream.Gtcrn(Models.Need("gtcrn/gtcrn.onnx"));
        float[] samples = [.. Audio.Read(Models.Need("audio/noisy-speech-16k.wav")), .. Audio.Read(Models.Need("audio/clean-speech-16k.wav"))];
        for (var at = 0; at < Frames; at++)
        {
            var spectrum = Audio.Transform([.. Enumerable.Range(0, window).Select(i => new Complex(samples[at * hop + i] * Math.Sqrt(0.5 - 0.5 * Math.Cos(2 * Math.PI * i / window)), 0))]);
            float[] frame = [.. spectrum.Take(window / 2 + 1).SelectMany(c => new[] { (float)c.Real, (float)c.Imaginary })];
            yield return (frame, ort.Step(frame));
        }
    }

    private static IEnumerable<(float[], float[])> Amplifier() =>
        AudioRuns.Table("nam-lstm/expected-BossLSTM-1x16.csv").Select((row, t) => (new[] { (float)(0.5 * Math.Sin(0.05 * t) * Math.Sin(0.003 * t) + 0.1 * Math.Sin(0.71 * t)) }, Floats(row)));

    /// <summary>The framework's table has a row for each channel, and begins when the kernel is full.</summary>
    private static IEnumerable<(float[], float[])> TorchConvolution()
    {
        const int before = 4;
        var (x, y) = (AudioRuns.Table("rtneural/conv1d_torch_x_python.csv"), AudioRuns.Table("rtneural/conv1d_torch_y_python.csv"));
        return x.Select((row, t) => (Floats(row), t < before ? [] : Floats([.. y.Select(channel => channel[t - before])])));
    }

    /// <summary>A model without states over random windows.</summary>
    private static IEnumerable<(float[], float[])> Windows(string file, string input, string output, int steps, int features)
    {
        const int windows = 20;
        using var ort = new OrtStream(Models.Need(file), input, [1, steps, features], [], output);
        foreach (var seed in Enumerable.Range(1, windows))
        {
            var window = Numbers.Random(seed, steps * features);
            yield return (window, ort.Step(window));
        }
    }

    /// <summary>Words of Cyrillic letters, one-hot behind zeros. ONNX Runtime finds the stress where the table has it, with its probability, and far more likely than elsewhere.</summary>
    private static IEnumerable<(float[], float[])> Words()
    {
        const string letters = "'-_абвгдежзийклмнопрстуфхцчшщъыьэюяё";
        const int steps = 40;
        using var ort = new OrtStream(Models.Need("stressrnn/model.onnx"), "bidirectional_1_input", [1, steps, letters.Length], [], "activation_1");
        foreach (var row in File.ReadLines(Models.Need("stressrnn/expected.csv")).Where(line => !line.StartsWith('#') && !line.StartsWith("word", StringComparison.Ordinal)).Select(line => line.Split(',')))
        {
            var word = new float[steps * letters.Length];
            for (var i = 0; i < row[0].Length; i++) word[(steps - row[0].Length + i) * letters.Length + letters.IndexOf(row[0][i], StringComparison.Ordinal)] = 1;
            var places = ort.Step(word);
            var best = places.OrderDescending().ToArray();
            Assert.Equal(int.Parse(row[1], CultureInfo.InvariantCulture), Array.IndexOf(places, best[0]));
            Numbers.Near([double.Parse(row[2], CultureInfo.InvariantCulture)], [best[0]], tolerance: 1e-5);
            Assert.True(best[0] > best[1] + 1e-3f);
            yield return (word, places);
        }
    }

    private static IEnumerable<(float[], float[])> Sentinel() =>
        Rows("quant-sentinel/expected-lstm.csv").Select(row => ((float[])[.. Enumerable.Range(0, 60 * 36).Select(i => (float)(row[0] * Math.Sin(0.13 * (i / 36 + 1) + 0.7 * (i % 36))))], new[] { (float)row[2] }));

    /// <summary>The walking policy: LSTM 47 to 64 (gates i, f, g, o), linear 32, ELU, linear 12, in double precision. Its first steps are those of the table.</summary>
    private static IEnumerable<(float[], float[])> Policy()
    {
        const int units = 64;
        var path = Models.Need("unitree-g1/motion.pt");
        var weights = WeightFile.Read(path, File.ReadAllBytes(path));
        double[] Tensor(string name) => Numbers.Doubles(weights.Read(name)!.ToFloats());
        double[] Linear(string name, double[] x, string suffix = "") => Plain(Tensor($"{name}weight{suffix}"), Tensor($"{name}bias{suffix}"), x);
        var (h, c) = (new double[units], new double[units]);
        var table = Rows("unitree-g1/expected.csv");
        for (var step = 0; step < Frames; step++)
        {
            float[] seen = [.. Enumerable.Range(0, 47).Select(k => (float)(0.5 * Math.Sin(0.2 * (step + 1) + 0.3 * k)))];
            var (x, r) = (Linear("memory.", Numbers.Doubles(seen), "_ih_l0"), Linear("memory.", h, "_hh_l0"));
            var gates = x.Zip(r, (a, b) => a + b).Chunk(units).ToArray();
            for (var i = 0; i < units; i++)
            {
                c[i] = Numbers.Sigmoid(gates[1][i]) * c[i] + Numbers.Sigmoid(gates[0][i]) * Math.Tanh(gates[2][i]);
                h[i] = Numbers.Sigmoid(gates[3][i]) * Math.Tanh(c[i]);
            }

            var action = Linear("actor.2.", Array.ConvertAll(Linear("actor.0.", h), v => v > 0 ? v : Math.Exp(v) - 1));
            if (step < table.Length) Numbers.Near(table[step][1..], Floats(action), tolerance: 1e-5);
            yield return (seen, Floats(action));
        }
    }

    /// <summary>Outputs that lwtnn published, for the inputs that its program makes.</summary>
    private static IEnumerable<(float[], float[])> Published(string outputs, int features, int units)
    {
        const int steps = 20;
        using var document = JsonDocument.Parse(File.ReadAllText(Models.Need(outputs)));
        var values = document.RootElement.EnumerateObject().First().Value;
        double[][] columns = [.. Enumerable.Range(0, units).Select(u => values.GetProperty($"out_{u}")).Select(v => v.ValueKind == JsonValueKind.Array ? v.EnumerateArray().Select(e => e.GetDouble()).ToArray() : [v.GetDouble()])];
        float[] input = [.. Enumerable.Range(0, steps * features).Select(i => (float)((-1 + 2.0 * (i % features) / (features - 1)) * (-1 + 2.0 * (i / features) / (steps - 1))))];
        return [(input, [.. Enumerable.Range(0, columns[0].Length).SelectMany(t => columns.Select(column => (float)column[t]))])];
    }

    /// <summary>weight [outputs, inputs] · x + bias.</summary>
    private static double[] Plain(double[] weight, double[] bias, double[] x) => [.. bias.Select((b, o) => b + x.Select((v, i) => v * weight[o * x.Length + i]).Sum())];

    private static double[][] Rows(string table) =>
        [.. File.ReadLines(Models.Need(table)).Where(line => char.IsAsciiDigit(line[0])).Select(line => line.Split(',').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray())];

    private static float[] Floats(double[] values) => Array.ConvertAll(values, v => (float)v);

    private sealed record DtlnFrame(float[] Magnitude, float[] Gains, float[] Block, float[] Clean);
}
