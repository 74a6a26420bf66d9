using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Reads RTNeural's JSON: the shape of the input and a list of layers with their weights in Keras' order. AIDA-X writes the same with a skip
/// connection, gains, and the answer to a test signal.
/// </summary>
internal static class RtNeuralReader
{
    /// <summary>A test signal and its answer, which AIDA-X stores with the model.</summary>
    private static readonly string[] s_tests = ["input_batch", "output_batch"];

    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        using var document = JsonText.Parse(content, path);
        var model = new Members(document.RootElement, "the model");
        var graph = new AudioGraph(name, path, content.Length);
        var sizes = Sizes(model.List("in_shape"), "in_shape");
        var input = graph.Input("input", sizes);
        var layers = new RtNeuralLayers(graph, notes);
        var value = new RtNeuralValue(Amplified(graph, model, "in_gain", input, sizes, notes), sizes);
        var before = value.Name;
        var list = model.List("layers");
        if (list.Count == 0) throw new ConversionException("'layers' is empty; the model has no layers");
        foreach (var (i, layer) in list.Index())
        {
            var type = new Members(layer, $"layer {i + 1}").Text("type");
            value = layers.Add(new Members(layer, $"layer {i + 1} ({type})"), $"layers.{i + 1}", type, value);
        }

        if (model.Get("in_skip") is { } skip && skip.ValueKind != JsonValueKind.False) value = Skipped(graph, model, before, sizes, value, notes);
        graph.Output("output", Amplified(graph, model, "out_gain", value.Name, [1], notes));
        return graph.Finish(notes, Metadata(model, notes), []);
    }

    /// <summary>The sizes of a shape after batch and time: one for channels, two for features and filters.</summary>
    public static int[] Sizes(List<JsonElement> shape, string what)
    {
        if (shape.Count is < 1 or > 4) throw new ConversionException($"'{what}' has {shape.Count} sizes; it must have 2 to 4: batch, time, and channels, or features and filters");
        const int most = 1 << 12;
        return [.. (shape.Count == 4 ? shape[2..] : shape[^1..]).Select(size => Json.Int(size, $"a size in '{what}'") is > 0 and <= most and var number ? number : throw new ConversionException($"a size in '{what}' is {size}; it must be from 1 to {most}"))];
    }

    /// <summary>A value times a gain in decibels; of the input only the first channel, not the knobs. AIDA-X takes -90 dB as silence.</summary>
    private static string Amplified(AudioGraph graph, Members model, string member, string value, int[] sizes, List<string> notes)
    {
        const float silence = -90;
        // AIDA-X takes what is not a number as no gain.
        if (model.Get(member) is not { ValueKind: JsonValueKind.Number }) return value;
        var decibels = model.Float(member);
        if (decibels == 0) return value;
        notes.Add($"'{member}' of {decibels.ToString(CultureInfo.InvariantCulture)} dB is part of the converted model, as AIDA-X applies it");
        var factors = Enumerable.Repeat(1f, sizes[^1]).ToArray();
        factors[0] = decibels > silence ? (float)Math.Pow(10, decibels * 0.05) : 0;
        if (!float.IsFinite(factors[0])) throw new ConversionException($"'{member}' is {decibels.ToString(CultureInfo.InvariantCulture)} dB, which is not a gain");
        return graph.Composer.Op("Mul", [value, graph.Composer.Constant(member, IrTensor.Of<float>([factors.Length], factors))]);
    }

    /// <summary>The first channel of the input is added to the output.</summary>
    private static RtNeuralValue Skipped(AudioGraph graph, Members model, string input, int[] sizes, RtNeuralValue value, List<string> notes)
    {
        var skip = model.Int("in_skip", 0, least: 0);
        if (skip == 0) return value;
        if (skip > 1) throw new ConversionException($"'in_skip' is {skip}; AIDA-X knows 0 and 1 only");
        if (value.Sizes is not [1] || sizes.Length != 1) throw new ConversionException($"'in_skip' is 1, but the last layer has {value.Count} channels; the input can be added to one channel only");
        notes.Add("'in_skip': the input is added to the output, as AIDA-X does it");
        var first = sizes[0] == 1 ? input : graph.Composer.Op("Slice", [input, graph.Composer.Axes(0), graph.Composer.Axes(1), graph.Composer.Axes(2)]);
        return value with { Name = graph.Composer.Op("Add", [value.Name, first]) };
    }

    /// <summary>Texts and numbers beside the layers, and those of 'metadata'. Members of other kinds are named.</summary>
    private static Dictionary<string, string> Metadata(Members model, List<string> notes)
    {
        var metadata = AudioMetadata.Of(model.Get("metadata") is { ValueKind: JsonValueKind.Object } inner ? inner : null);
        foreach (var (name, value) in model.Unread())
        {
            if (Members.Plain(value) is { } text) AudioMetadata.Add(metadata, name, text);
            else if (!s_tests.Contains(name)) notes.Add($"'{name}' is not read");
        }

        return metadata;
    }
}

/// <summary>A value between layers: [1, T, channels], or [1, T, features, filters] of a two-dimensional convolution.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Sizes">Its sizes after batch and time.</param>
internal sealed record RtNeuralValue(string Name, int[] Sizes)
{
    /// <summary>The numbers of a step.</summary>
    public int Count => Sizes.Aggregate(1, (a, b) => a * b);
}
