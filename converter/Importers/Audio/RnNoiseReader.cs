using System.Globalization;
using System.Text;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Reads the text of RNNoise's models (<c>.rnnn</c> of rnnoise-nu, also used by FFmpeg's arnndn): sizes, functions, and weights as whole numbers,
/// 256 of which are 1. The graph is RNNoise's: features of a frame give a gain for each band, and the probability of speech.
/// </summary>
internal sealed class RnNoiseReader
{
    private const float Scale = 1f / 256;
    private const int Version = 1;

    /// <summary>RNNoise's functions by their numbers in the file.</summary>
    private static readonly string[] s_functions = ["Tanh", "Sigmoid", "Relu"];

    private readonly AudioGraph _graph;
    private readonly List<string> _notes;
    private readonly string[] _words;
    private int _at;

    private RnNoiseReader(AudioGraph graph, string[] words, List<string> notes) => (_graph, _words, _notes) = (graph, words, notes);

    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        const string title = "rnnoise-nu model file version";
        var text = Encoding.UTF8.GetString(content).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        var graph = new AudioGraph(name, path, content.Length);
        var reader = new RnNoiseReader(graph, text[title.Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), notes);
        if (reader.Number("the version", 0, int.MaxValue) is var version && version != Version) throw new ConversionException($"it has version {version} of the format; version {Version} is read");
        reader.Build();
        notes.Add("functions are exact, where RNNoise looks them up in a table (it differs by less than 0.00001)");
        return graph.Finish(notes, [], []);
    }

    private void Build()
    {
        var input = ReadDense("input_dense");
        var vad = ReadGru("vad_gru", input.Units);
        var noise = ReadGru("noise_gru", input.Units + vad.Units + input.Inputs);
        var denoise = ReadGru("denoise_gru", vad.Units + noise.Units + input.Inputs);
        var gains = ReadDense("denoise_output", denoise.Units);
        var speech = ReadDense("vad_output", vad.Units);
        if (_at < _words.Length) throw new ConversionException($"after its last layer the file has {_words.Length - _at} more numbers; it is not a model of RNNoise, or it is damaged");

        var features = _graph.Input("features", input.Inputs);
        var dense = Dense(input, features);
        var vadUnits = Gru(vad, dense);
        var noiseUnits = Gru(noise, Joined(dense, vadUnits, features));
        var denoiseUnits = Gru(denoise, Joined(vadUnits, noiseUnits, features));
        _graph.Output("gains", Dense(gains, denoiseUnits));
        _graph.Output("vad", Dense(speech, vadUnits));
    }

    private string Joined(params string[] values)
    {
        _graph.Composer.Scope = "concat";
        return _graph.Composer.Op("Concat", values, ("axis", -1L));
    }

    private string Dense(Layer layer, string x)
    {
        var y = _graph.Dense(layer.Name, x, Tensor(layer.Weights[0], layer.Inputs, layer.Units), Tensor(layer.Weights[1], layer.Units));
        return _graph.Composer.Op(layer.Function, [y]);
    }

    /// <summary>The reset gate acts before the recurrent product, and there is one row of biases, as in Keras before reset_after.</summary>
    private string Gru(Layer layer, string x)
    {
        var columns = 3 * layer.Units;
        var cells = RecurrentCells.OfKeras(layer.Name, RecurrentOp.Gru, Tensor(layer.Weights[0], layer.Inputs, columns), Tensor(layer.Weights[1], layer.Units, columns), Tensor(layer.Weights[2], columns));
        return _graph.Recurrent(x, cells with { IsResetAfter = false, Activations = layer.Function == "Tanh" ? null : ["Sigmoid", layer.Function] });
    }

    private static IrTensor Tensor(float[] values, params int[] shape) => IrTensor.Of<float>(shape, values);

    private Layer ReadDense(string name, int? before = null)
    {
        var (inputs, units, function) = Head(name, before);
        return new Layer(name, inputs, units, function, [Numbers(name, inputs * units), Numbers(name, units)]);
    }

    private Layer ReadGru(string name, int before)
    {
        var (inputs, units, function) = Head(name, before);
        return new Layer(name, inputs, units, function, [Numbers(name, 3 * inputs * units), Numbers(name, 3 * units * units), Numbers(name, 3 * units)]);
    }

    /// <summary>The sizes of a layer and its function.</summary>
    /// <param name="name">The layer.</param>
    /// <param name="before">What the layers before it make, if there are any.</param>
    private (int Inputs, int Units, string Function) Head(string name, int? before)
    {
        // RNNoise's own arrays hold 128 units, and its reader refuses more.
        const int most = 128;
        var (inputs, units) = (Number($"the inputs of layer '{name}'", 1, 3 * most), Number($"the units of layer '{name}'", 1, most));
        if (before is { } made && inputs != made) throw new ConversionException($"layer '{name}' has {inputs} inputs; the layers before it make {made}");
        var function = Number($"the function of layer '{name}'", 0, most);
        if (function >= s_functions.Length) _notes.Add($"layer '{name}' has the function {function}, which RNNoise takes as tanh");
        return (inputs, units, function < s_functions.Length ? s_functions[function] : s_functions[0]);
    }

    private float[] Numbers(string name, int count)
    {
        if (count > _words.Length - _at) throw new ConversionException($"the file ends in layer '{name}': {count} numbers are needed and {_words.Length - _at} are there");
        var numbers = new float[count];
        for (var i = 0; i < count; i++) numbers[i] = Number($"a weight of layer '{name}'", sbyte.MinValue, sbyte.MaxValue) * Scale;
        return numbers;
    }

    private int Number(string what, int least, int most)
    {
        if (_at >= _words.Length) throw new ConversionException($"the file ends before {what}");
        var word = _words[_at++];
        return int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new ConversionException($"{what} is '{(word.Length > 20 ? word[..20] + "…" : word)}'; it must be a whole number from {least} to {most}");
    }

    /// <param name="Name">RNNoise's name of it.</param>
    /// <param name="Inputs">Its inputs.</param>
    /// <param name="Units">Its units.</param>
    /// <param name="Function">ONNX's name of its function.</param>
    /// <param name="Weights">Kernel, a GRU's recurrent kernel, and bias, in Keras' order.</param>
    private sealed record Layer(string Name, int Inputs, int Units, string Function, float[][] Weights);
}
