using System.Text.Json;
using System.Text.Json.Nodes;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Resolving;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// Writes the two graphs of an encoder-decoder that was saved for training: <c>encoder</c>, once for each source, and <c>step</c>, once for
/// each token of the target. The recurrent layers of the step keep their states, which begin as those that the encoder computes.
/// </summary>
/// <param name="whole">The model.</param>
/// <param name="parts">Its two parts.</param>
/// <param name="start">Makes the emitter of a graph.</param>
internal sealed class KerasSplit(KerasLayer whole, KerasTranslator parts, Func<string, KerasEmitter> start)
{
    private readonly Dictionary<string, string> _metadata = [];

    /// <summary>The emitters of both graphs, after <see cref="Make"/>.</summary>
    public List<KerasEmitter> Emitters { get; } = [];

    public ImportedModel Make(List<string> notes)
    {
        KerasEmitter ofEncoder = start("encoder"), ofStep = start("step");
        Emitters.AddRange([ofEncoder, ofStep]);
        var (encoder, step) = (ofEncoder.Graph.Graph, ofStep.Graph.Graph);
        var model = new KerasModel(ofEncoder, whole, "");
        var stepped = new KerasModel(ofStep, whole, "");
        model.Count();
        stepped.Count();
        model.Give(parts.Source.Name, 0, Tokens(ofEncoder.Graph, parts.Source, Length(parts.Source)));
        model.Make(parts.OfSource.Select(c => (c.Layer, c.Node, c.Call)), model.Call);

        stepped.Give(parts.Target.Name, 0, Tokens(ofStep.Graph, parts.Target, new IrDim(1, null)));
        // What a step reads of the source, besides the first states.
        var read = parts.OfTarget.SelectMany(c => c.First.Concat(c.Others)).Where(v => !parts.IsOfTarget(v)).Distinct().ToList();
        var first = parts.OfTarget.SelectMany(c => c.Initial).Distinct().ToList();
        KerasValue Of((string Layer, int Call, int Output) reference) => model.Value(reference) ?? throw new ConversionException($"no layer computes '{reference.Layer}'");
        // One output for each value, with the name of its layer.
        var made = new Dictionary<string, string>();
        string Out((string Layer, int Call, int Output) reference, string value, bool isMask, string more = "")
        {
            if (made.TryGetValue(value, out var known)) return known;
            var stem = reference.Output == 0 ? reference.Layer + more : $"{reference.Layer}/state{(reference.Output == 1 ? "" : $"_{reference.Output}")}{more}";
            var output = encoder.Outputs.Exists(o => o.Name == stem) ? encoder.Fresh(stem) : stem;
            encoder.Outputs.Add(new IrPort(output, isMask ? ofEncoder.ToFloat(value) : value, 0, []));
            return made[value] = output;
        }

        var given = read.Select(r => (Reference: r, Value: Of(r))).ToList();
        var outputs = given.Select(g => (g.Reference, g.Value, Output: Out(g.Reference, g.Value.Name, parts.IsMask(g.Reference)))).ToList();
        var masks = given.Where(g => g.Value.Mask is not null).DistinctBy(g => g.Value.Mask).ToDictionary(g => g.Value.Mask!, g => Out(g.Reference, g.Value.Mask!, isMask: true, "/mask"));
        foreach (var state in first) Out(state, Of(state).Name, isMask: false);
        encoder.Fix("N", 1);
        var resolved = SizeProbes.Resolve(encoder, [], out encoder);

        string Link(string output)
        {
            if (step.Inputs.Exists(i => i.Name == output)) return output;
            var shape = resolved.ShapeOf(resolved.Outputs.Find(o => o.Name == output)!.Value);
            ofStep.Graph.Declare(output);
            step.Inputs.Add(new IrPort(output, output, shape.Type, Array.ConvertAll(shape.Sizes, size => size < 0 ? new IrDim(-1, "T") : new IrDim(size, null))));
            _metadata[DecodingKeys.Link + output] = output;
            return output;
        }

        var stepMasks = masks.ToDictionary(m => m.Key, m => ofStep.ToBool(Link(m.Value)));
        foreach (var call in outputs.GroupBy(o => (o.Reference.Layer, o.Reference.Call)))
        {
            var values = new KerasValue[read.Concat(first).Where(r => (r.Layer, r.Call) == call.Key).Max(r => r.Output) + 1];
            foreach (var (reference, value, output) in call)
            {
                var port = Link(output);
                values[reference.Output] = value with { Name = parts.IsMask(reference) ? ofStep.ToBool(port) : port, Mask = value.Mask is null ? null : stepMasks[value.Mask] };
            }

            stepped.Give(call.Key.Layer, stepped.Place(call.Key).Call, values);
        }

        // The values of first states are not read: the step keeps its own.
        foreach (var state in first.Where(s => stepped.Value(s) is null).GroupBy(s => (s.Layer, s.Call)).ToList()) stepped.Give(state.Key.Layer, stepped.Place(state.Key).Call, new KerasValue[state.Max(s => s.Output) + 1]);
        stepped.Make(parts.OfTarget.Select(c => (c.Layer, c.Node, c.Call)), (layer, call) =>
        {
            if (!KerasRecurrent.Classes.Contains(layer.Class)) return stepped.Call(layer, call);
            var before = step.States.Count;
            call.Named.Remove("initial_state");
            if (call.Inputs.Count > 1) call.Inputs.RemoveRange(1, call.Inputs.Count - 1);
            var values = stepped.Call(Stateful(layer), call);
            var initial = parts.OfTarget.First(c => c.Layer.Name == layer.Name).Initial;
            KerasRecurrent.CheckInitial(layer, initial.Count, step.States.Count - before);
            foreach (var (i, reference) in initial.Index()) _metadata[DecodingKeys.Link + step.States[before + i].Name] = made[Of(reference).Name];
            return values;
        });
        // Values of one source do not fit several rows of hypotheses.
        if (given.Count > 0) step.Fix("N", 1);
        var (name, scores) = stepped.Outputs()[0];
        step.Outputs.Add(new IrPort(name, scores.Name, 0, []));
        _metadata[DecodingKeys.Encoder] = encoder.Name;
        _metadata[DecodingKeys.Step] = step.Name;
        _metadata[DecodingKeys.Source] = parts.Source.Name;
        _metadata[DecodingKeys.Token] = parts.Target.Name;
        _metadata[DecodingKeys.Logits] = name;
        if (step.Nodes.Find(n => n.Outputs.Contains(scores.Name))?.Op == "Softmax") _metadata[DecodingKeys.Scores] = DecodingKeys.ScoresProbabilities;
        notes.Add($"the model was saved for training: it reads the source '{parts.Source.Name}' and the target '{parts.Target.Name}', and its layers over the target start from states of the source. It became the graphs 'encoder' and 'step' for the runtime's decoders: --decoding gives begin, end and the texts of tokens; --no-split keeps one graph");
        foreach (var input in new[] { parts.Source, parts.Target }.Where(i => KerasTranslator.OneHot(i) is not null)) notes.Add($"'{input.Name}' takes tokens, of which the graph makes the {KerasTranslator.OneHot(input)} numbers of a one-hot row");
        return new ImportedModel(encoder, step) { Metadata = _metadata, HasStates = true };
    }

    /// <summary>The length of an input: its own, or open.</summary>
    private static IrDim Length(KerasLayer input) =>
        (input.Get("batch_input_shape") ?? input.Get("batch_shape"))!.Value[1] is { ValueKind: JsonValueKind.Number } size && size.TryGetInt32(out var length) && length > 0 ? new IrDim(length, null) : new IrDim(-1, "T");

    /// <summary>An input of tokens [N, length], or the one-hot rows of them.</summary>
    private static KerasValue Tokens(GraphComposer graph, KerasLayer input, IrDim length)
    {
        graph.Declare(input.Name);
        graph.Graph.Inputs.Add(new IrPort(input.Name, input.Name, ElementType.Int32, [new IrDim(-1, "N"), length]));
        if (KerasTranslator.OneHot(input) is not { } size) return new KerasValue(input.Name, 2);
        var places = graph.Constant("places", IrTensor.Of<int>([size], [.. Enumerable.Range(0, size)]));
        return new KerasValue(graph.Op("Cast", [graph.Op("Equal", [graph.Unsqueeze(input.Name, 2), places])], ("to", 1L)), 3);
    }

    /// <summary>The layer with states that are kept between runs.</summary>
    private static KerasLayer Stateful(KerasLayer layer)
    {
        var config = JsonNode.Parse(layer.Source.GetRawText())!;
        config["config"]!["stateful"] = true;
        using var document = JsonDocument.Parse(config.ToJsonString());
        return new KerasLayer(document.RootElement.Clone());
    }
}
