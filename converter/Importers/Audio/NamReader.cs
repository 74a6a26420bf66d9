using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Reads files of the Neural Amp Modeler (<c>.nam</c>), versions 0.5 to 0.7: an architecture, its sizes, and all weights in one list. What the file
/// asks for and this reader does not know is refused, never ignored.
/// </summary>
internal static class NamReader
{
    private const int NewestMinor = 7;
    private const int Deepest = 4;

    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        using var document = JsonText.Parse(content, path);
        var graph = new AudioGraph(name, path, content.Length);
        var model = Largest(document.RootElement, notes);
        var config = new Members(Json.Required(model, "config", "the model"), "'config'");
        var input = graph.Input("input", config.Get("in_channels") is null && config.Get("input_size") is not null ? config.Int("input_size") : config.Int("in_channels", 1));
        var architecture = Json.Text(Json.Required(model, "architecture", "the model"), "'architecture'");
        CheckVersion(model);
        if (architecture == "LSTM") graph.Output("output", Lstm(graph, input, config, Weights(model)));
        else
        {
            var channels = graph.Composer.Graph.Inputs[0].Shape[2].Size;
            var sound = new Sound(graph.Composer.Transpose(input, 0, 2, 1), new double[channels]);
            graph.Output("output", graph.Composer.Transpose(Pass(graph, model, sound, "", depth: 0).Name, 0, 2, 1));
            if (graph.Composer.Graph.States.Exists(state => state.Initial is not null)) notes.Add("its convolutions begin as if silence had passed before, as Neural Amp Modeler's own players begin");
        }

        var root = new Members(document.RootElement, "the model");
        var metadata = AudioMetadata.Of(root.Get("metadata") is { ValueKind: JsonValueKind.Object } said ? said : Json.Optional(model, "metadata") is { ValueKind: JsonValueKind.Object } inner ? inner : null);
        if ((root.Get("sample_rate") ?? Json.Optional(model, "sample_rate")) is { } rate && Members.Plain(rate) is { } hertz) AudioMetadata.Add(metadata, "sample_rate", hertz);
        foreach (var member in (string[])["version", "architecture", "config", "weights"]) _ = root.Get(member);
        foreach (var (member, _) in root.Unread()) notes.Add($"'{member}' is not read");
        return graph.Finish(notes, metadata, []);
    }

    /// <summary>A network of convolutions from a value to a value, all [1, channels, T]. Another may stand in it and make its condition.</summary>
    public static Sound Pass(AudioGraph graph, JsonElement model, Sound input, string prefix, int depth)
    {
        if (depth > Deepest) throw new ConversionException($"models stand in each other more than {Deepest} deep ('condition_dsp')");
        CheckVersion(model);
        var config = new Members(Json.Required(model, "config", "the model"), prefix.Length > 0 ? $"'config' of '{prefix.TrimEnd('.')}'" : "'config'");
        var architecture = Json.Text(Json.Required(model, "architecture", "the model"), "'architecture'");
        if (architecture is not ("WaveNet" or "ConvNet" or "Linear")) throw new ConversionException($"its architecture is '{architecture}'{(prefix.Length > 0 ? $" in '{prefix.TrimEnd('.')}'" : "")}; LSTM, WaveNet, ConvNet, Linear and SlimmableContainer are read. Export the original model as ONNX");
        var layers = new NamLayers(graph, new NamWeights(Weights(model)), prefix);
        var output = architecture switch
        {
            "WaveNet" => new NamWaveNet(graph, layers, depth).Add(config, input),
            "ConvNet" => NamConvNet.Add(layers, config, input),
            _ => NamConvNet.AddLinear(layers, config, input),
        };
        layers.Weights.End(architecture);
        RefuseUnread(config);
        return output;
    }

    /// <summary>What changes the model must be understood.</summary>
    public static void RefuseUnread(Members members)
    {
        if (members.Unread().Select(m => $"'{m.Name}' ({Json.Shown(m.Value)})").ToList() is { Count: > 0 } unread) throw members.Fault($"{string.Join(", ", unread)} is not known to this converter, so that its numbers would not be the model's");
    }

    /// <summary>The largest model of a container of several sizes. Players use it unless a user wants less.</summary>
    private static JsonElement Largest(JsonElement root, List<string> notes)
    {
        var model = root;
        for (var depth = 0; Json.TextOf(Json.Optional(model, "architecture")) == "SlimmableContainer"; depth++)
        {
            if (depth > Deepest) throw new ConversionException($"containers stand in each other more than {Deepest} deep");
            CheckVersion(model);
            var config = new Members(Json.Required(model, "config", "the container"), "'config' of the container");
            var models = config.List("submodels").ConvertAll(m => new Members(m, "a model of 'submodels'"));
            if (models.Count == 0) throw new ConversionException("'submodels' is empty");
            RefuseUnread(config);
            if (models.Count > 1) notes.Add($"the file holds {models.Count} sizes of the model; the largest is converted, which players use unless told otherwise");
            model = models.MaxBy(m => m.Float("max_value"))!.Need("model");
        }

        return model;
    }

    private static void CheckVersion(JsonElement model)
    {
        if (Json.Optional(model, "version") is not { } member) return;
        var text = Json.Text(member, "'version'");
        var parts = text.Split('.');
        if (parts.Length < 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)) throw new ConversionException($"its version is '{text}'; it must be like 0.5.4");
        if (major > 0 || minor > NewestMinor) throw new ConversionException($"its version is {text}; versions up to 0.{NewestMinor} are known. A newer one may mean something else by the same members; update the converter, or export the model again with an older trainer");
    }

    private static float[] Weights(JsonElement model) => JsonTensors.Read(Json.Required(model, "weights", "the model"), "'weights'") is { Shape: [_] } list ? list.ToFloats() : throw new ConversionException("'weights' must be one list of numbers");

    /// <summary>Layers with their first states, then a linear head.</summary>
    private static string Lstm(AudioGraph graph, string input, Members config, float[] list)
    {
        var weights = new NamWeights(list);
        var (inputs, hidden, count) = (config.Int("input_size", 1), config.Int("hidden_size"), config.Int("num_layers", 1));
        var (channels, outputs) = (config.Int("in_channels", inputs), config.Int("out_channels", 1));
        if (channels != inputs) throw new ConversionException($"'in_channels' is {channels} and 'input_size' {inputs}; they must be equal");
        RefuseUnread(config);
        var value = input;
        for (var i = 0; i < count; i++)
        {
            var name = $"layers.{i + 1}";
            var (columns, rows) = ((long)inputs + hidden, 4L * hidden);
            var matrix = weights.Take(rows * columns, name);
            IrTensor Columns(int from, int width) => IrTensor.Of<float>([(int)rows, width], [.. Enumerable.Range(0, (int)rows).SelectMany(row => matrix.Skip(row * (int)columns + from).Take(width))]);
            value = graph.Recurrent(value, new RecurrentCells(name, RecurrentOp.Lstm, Columns(0, inputs), Columns(inputs, hidden))
            {
                InputBias = weights.Tensor(name, (int)rows),
                First = [weights.Tensor(name, hidden), weights.Tensor(name, hidden)],
            });
            inputs = hidden;
        }

        var head = weights.Tensor("the head", outputs, hidden);
        var y = graph.Dense("head", value, head.Transposed(), weights.Tensor("the head", outputs));
        weights.End("LSTM");
        return y;
    }
}
