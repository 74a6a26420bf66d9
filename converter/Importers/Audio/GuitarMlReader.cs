using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Reads the JSON of GuitarML's plugins (Proteus, NeuralPi), which Automated-GuitarAmpModelling writes: <c>model_data</c> says what the model is,
/// <c>state_dict</c> holds its weights. A recurrent layer, a linear layer, and a skip connection from the first input; knobs are further inputs. Or
/// a network of gated convolutions.
/// </summary>
internal static class GuitarMlReader
{
    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        using var document = JsonText.Parse(content, path);
        var root = new Members(document.RootElement, "the model");
        var model = new Members(root.Need("model_data"), "'model_data'");
        var kind = model.Text("model", "SimpleRNN");
        var weights = StateDictReader.Tensors(path, root.Need("state_dict"), notes);
        StateDictReader.NoteUnread(root, notes);
        var graph = new AudioGraph(name, path, content.Length);
        switch (kind)
        {
            case "SimpleRNN":
                Recurrent(graph, model, weights, notes);
                break;
            case "GatedConvNet":
                GatedConvNet.Add(graph, model, weights);
                break;
            default:
                throw new ConversionException($"its model is '{kind}'; SimpleRNN (LSTM, GRU or RNN) and GatedConvNet are read. Export the original model as ONNX");
        }

        var metadata = AudioMetadata.Of(null);
        foreach (var (member, extra) in model.Unread())
        {
            notes.Add($"'{member}' ({Json.Shown(extra)}) of 'model_data' is not read");
            if (Members.Plain(extra) is { } text) AudioMetadata.Add(metadata, member, text);
        }

        return graph.Finish(notes, metadata, weights.Unused());
    }

    private static void Recurrent(AudioGraph graph, Members model, WeightSet weights, List<string> notes)
    {
        var stack = TorchCells.Stack(weights, "rec", [.. weights.Names.Where(n => n.StartsWith("rec.", StringComparison.Ordinal)).Select(n => n["rec.".Length..])]);
        var (inputs, hidden) = (stack[0].W.Shape[1], stack[^1].Hidden);
        Check(model, stack, inputs, hidden);
        var value = graph.Input("input", inputs);
        for (var i = 0; i < stack.Count; i++)
        {
            if (i > 0 && stack[i].W.Shape[1] != stack[i - 1].Hidden) throw new ConversionException($"'{stack[i].NameOf("weight_ih")}' takes {stack[i].W.Shape[1]} inputs, but the layer before it has {stack[i - 1].Hidden} units");
            value = graph.Recurrent(value, stack[i]);
        }

        var linear = weights.Read("lin.weight") ?? throw new ConversionException("'state_dict' has no 'lin.weight'");
        if (linear.Shape is not [var outputs, var columns] || columns != hidden) throw new ConversionException($"'lin.weight' has the shape [{string.Join(", ", linear.Shape)}]; it must be [outputs, {hidden}]");
        var bias = weights.Read("lin.bias");
        if (bias is not null && (bias.Shape is not [var length] || length != outputs)) throw new ConversionException($"'lin.bias' has the shape [{string.Join(", ", bias.Shape)}]; it must be [{outputs}]");
        if (model.Flag("bias_fl", bias is not null) != (bias is not null)) throw new ConversionException($"'bias_fl' says {(bias is null ? "that the linear layer has a bias, but 'state_dict' has no 'lin.bias'" : "that the linear layer has no bias, but 'state_dict' has 'lin.bias'")}");
        if (model.Int("output_size", outputs) is var told && told != outputs) throw new ConversionException($"'output_size' is {told}, but 'lin.weight' makes {outputs}");
        value = Skipped(graph, model, graph.Dense("lin", value, linear.Transposed(), bias), inputs, outputs, notes);
        graph.Output("output", value);
        if (inputs > 1) notes.Add($"input '{graph.Composer.Graph.Inputs[0].Name}' [1, T, {inputs}] holds for each sample the sample and then {inputs - 1} {(inputs == 2 ? "knob" : "knobs")}, 0 to 1, as the model was trained; so a knob may glide within a run");
    }

    private static void Check(Members model, List<RecurrentCells> stack, int inputs, int hidden)
    {
        var kind = stack[0].Op.Name;
        if (model.Text("unit_type", kind) is var told && !told.Equals(kind, StringComparison.OrdinalIgnoreCase)) throw new ConversionException($"'unit_type' is '{told}', but the weights 'rec' are those of a {kind}");
        foreach (var (member, size) in new[] { ("input_size", inputs), ("hidden_size", hidden), ("num_layers", stack.Count) })
        {
            if (model.Int(member, size) is var number && number != size) throw new ConversionException($"'{member}' is {number}, but the weights have {size}");
        }
    }

    /// <summary>The first channels of the input are added to the output.</summary>
    private static string Skipped(AudioGraph graph, Members model, string value, int inputs, int outputs, List<string> notes)
    {
        if (!model.Has("skip")) notes.Add("'model_data' has no 'skip'; the input is added to the output (skip 1), which is the default of its training program and what GuitarML's plugins do");
        var skip = model.Get("skip") is { ValueKind: JsonValueKind.True or JsonValueKind.False } flag ? flag.ValueKind == JsonValueKind.True ? 1 : 0 : model.Int("skip", 1, least: 0);
        if (skip == 0) return value;
        if (skip > inputs || (skip > 1 && skip != outputs)) throw new ConversionException($"'skip' is {skip}, but the model has {inputs} inputs and {outputs} outputs");
        var first = skip == inputs ? "input" : graph.Composer.Op("Slice", ["input", graph.Composer.Axes(0), graph.Composer.Axes(skip), graph.Composer.Axes(2)]);
        return graph.Composer.OpInShape(0, "Add", value, first);
    }
}
