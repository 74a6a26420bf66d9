using System.Globalization;
using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>A call of a layer in a model for training, and which of the two inputs it depends on.</summary>
internal sealed record TrainingCall(KerasLayer Layer, JsonElement Node, int Call, List<(string Layer, int Call, int Output)> First, List<(string Layer, int Call, int Output)> Others, List<(string Layer, int Call, int Output)> Initial, bool IsCausal)
{
    public bool OfSource { get; set; }

    public bool OfTarget { get; set; }

    /// <summary>All values that it reads.</summary>
    public IEnumerable<(string Layer, int Call, int Output)> Read => First.Concat(Others).Concat(Initial);
}

/// <summary>
/// Recognizes an encoder-decoder that was saved for training, as one graph from a source and the target before each step to the scores of the
/// target: two inputs of tokens, recurrent layers over the target that start from states computed from the source alone, and one
/// output, a row of scores for each step. Nothing over the target may read later steps.
/// </summary>
internal sealed class KerasTranslator
{
    /// <summary>Layers that treat each step alone.</summary>
    private static readonly HashSet<string> s_steps = ["Embedding", "Masking", "Dense", "Activation", "BatchNormalization", "LayerNormalization", "ReLU", "LeakyReLU", "ELU", "Softmax", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "NotEqual", "Any", "Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average"];

    /// <summary>What a note says of a model that stays one graph.</summary>
    public const string Whole = "the model is not split into encoder and step";

    private static readonly HashSet<string> s_attention = ["Attention", "AdditiveAttention", "MultiHeadAttention"];

    private readonly KerasModel _model;
    private readonly Dictionary<(string Layer, int Call), TrainingCall> _calls;

    private KerasTranslator(KerasModel model, List<TrainingCall> calls) => (_model, _calls) = (model, calls.ToDictionary(c => (c.Layer.Name, c.Call)));

    /// <summary>The input of the source.</summary>
    public required KerasLayer Source { get; init; }

    /// <summary>The input of the target.</summary>
    public required KerasLayer Target { get; init; }

    /// <summary>The calls that need the target.</summary>
    public List<TrainingCall> OfTarget => [.. _calls.Values.Where(c => c.OfTarget)];

    /// <summary>The calls that need the source only.</summary>
    public List<TrainingCall> OfSource => [.. _calls.Values.Where(c => !c.OfTarget)];

    /// <summary>Sizes of one-hot rows that stand for tokens. Null for an input of tokens.</summary>
    public static int? OneHot(KerasLayer input) => Shape(input) is [_, _, var size and > 1] ? size : null;

    /// <summary>The two parts of a model. Null if it has another form.</summary>
    /// <param name="whole">The model.</param>
    /// <param name="model">Its layers.</param>
    /// <param name="notes">Receives why a model that looks like one stays as it is.</param>
    public static KerasTranslator? Find(KerasLayer whole, KerasModel model, List<string> notes)
    {
        if (whole.Class == "Sequential") return null;
        var inputs = model.Layers.Where(l => l.Class == "InputLayer").ToList();
        if (inputs.Count != 2 || whole.Get("output_layers") is not { } output || KerasNodes.References(output).ToList() is not [var scored]) return null;
        var calls = model.Nodes().Select(n => Read(n.Layer, n.Node, n.Call, model.IsOperation(n.Layer))).ToList();
        if (calls.GroupBy(c => (c.Layer.Name, c.Call)).Any(g => g.Count() > 1)) return null;
        foreach (var (source, target) in new[] { (inputs[0], inputs[1]), (inputs[1], inputs[0]) })
        {
            var found = new KerasTranslator(model, calls) { Source = source, Target = target };
            found.Mark();
            var decoders = calls.FindAll(c => KerasRecurrent.Classes.Contains(c.Layer.Class) && c.OfTarget && c.Initial.Count > 0 && found.DependsOnly(c.Initial) && found.IsOfTarget(c.First));
            if (decoders.Count == 0) continue;
            if (found.Why(scored) is not { } reason) return found;
            notes.Add($"layer '{decoders[0].Layer.Name}' starts from states of the source '{source.Name}' and reads the target '{target.Name}', but {Whole}: {reason}");
            return null;
        }

        return null;
    }

    /// <summary>Whether a value needs the target.</summary>
    public bool IsOfTarget((string Layer, int Call, int Output) value) => value.Layer == Target.Name || (_calls.TryGetValue(_model.Place((value.Layer, value.Call)), out var call) && call.OfTarget);

    private static TrainingCall Read(KerasLayer layer, JsonElement node, int number, bool isOperation)
    {
        var places = new List<(string Layer, int Call, int Output)>();
        KerasValue? Place((string Layer, int Call, int Output) reference)
        {
            places.Add(reference);
            return new KerasValue($"{places.Count - 1}", 2);
        }

        List<(string Layer, int Call, int Output)> Of(IEnumerable<KerasValue> values) => [.. values.SelectMany(v => new[] { v.Name, v.Mask }).OfType<string>().Distinct().Select(name => places[int.Parse(name, CultureInfo.InvariantCulture)])];
        var call = KerasNodes.Call(layer, node, Place, isOperation, out _)!;
        var isRecurrent = KerasRecurrent.Classes.Contains(layer.Class);
        var initial = !isRecurrent ? [] : call.Named.TryGetValue("initial_state", out var named) ? named : call.Inputs.Skip(1);
        var first = Of(call.Inputs.Take(1));
        var states = Of(initial);
        return new TrainingCall(layer, node, number, first, [.. places.Except(first).Except(states)], states, layer.Flag("causal") || call.Flags.Contains("use_causal_mask"));
    }

    private void Mark()
    {
        foreach (var call in _calls.Values) call.OfTarget = call.OfSource = false;
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var call in _calls.Values)
            {
                var (ofSource, ofTarget) = (call.Read.Any(IsOfSource), call.Read.Any(IsOfTarget));
                changed |= ofSource != call.OfSource || ofTarget != call.OfTarget;
                (call.OfSource, call.OfTarget) = (ofSource, ofTarget);
            }
        }
    }

    private bool IsOfSource((string Layer, int Call, int Output) value) => value.Layer == Source.Name || (_calls.TryGetValue(_model.Place((value.Layer, value.Call)), out var call) && call.OfSource);

    private bool IsOfTarget(List<(string Layer, int Call, int Output)> values) => values.Exists(IsOfTarget);

    private bool DependsOnly(List<(string Layer, int Call, int Output)> states) => states.TrueForAll(s => IsOfSource(s) && !IsOfTarget(s));

    /// <summary>Why the model cannot be split. Null if it can.</summary>
    private string? Why((string Layer, int Call, int Output) scored)
    {
        if (!IsOfTarget(scored)) return $"its output '{scored.Layer}' does not depend on the target";
        if (!_calls.TryGetValue(_model.Place((scored.Layer, scored.Call)), out var last)) return $"its output '{scored.Layer}' is the target itself";
        var scores = last.Layer.Class == "TimeDistributed" ? KerasEmitter.Inner(last.Layer) : last.Layer;
        var isSoftmax = scores.Class == "Softmax" || KerasFunctions.Of(scores).Name == "softmax";
        var isScored = scores.Class == "Dense" || (isSoftmax && scores.Class is "Activation" or "Softmax");
        if (!isScored) return $"its output '{scored.Layer}' is not a row of scores (Dense) for each step";
        foreach (var input in new[] { Source, Target })
        {
            if (Shape(input) is not { } shape || shape.Length is < 2 or > 3) return $"the input '{input.Name}' is not a sequence of tokens";
            if (shape.Length == 2 && !Readers(input).TrueForAll(c => c.Layer.Class is "Embedding" or "NotEqual")) return $"the input '{input.Name}' is read without an embedding, so it holds no tokens";
            if (shape.Length == 3 && (OneHot(input) is null || !isSoftmax)) return $"the input '{input.Name}' holds features and no tokens";
        }

        if (OneHot(Target) is { } width && scores.Class == "Dense" && scores.Int("units", 0) != width) return $"the rows of the target '{Target.Name}' have {width} numbers and the output scores {scores.Int("units", 0)} tokens, so they are no one-hot tokens";
        return OfTarget.Select(Why).FirstOrDefault(reason => reason is not null) ?? OfTarget.Where(c => KerasRecurrent.Classes.Contains(c.Layer.Class)).GroupBy(c => c.Layer.Name).Where(g => g.Count() > 1).Select(g => $"layer '{g.Key}' is called more than once over the target").FirstOrDefault();
    }

    /// <summary>Why a call over the target cannot be made for one step after another.</summary>
    private string? Why(TrainingCall call)
    {
        var layer = call.Layer;
        var named = $"layer '{layer.Name}' ({layer.Class})";
        if (KerasRecurrent.Classes.Contains(layer.Class))
        {
            if (call.Initial.Exists(IsOfTarget)) return $"{named} starts from states that depend on the target";
            if (layer.Flag("go_backwards")) return $"{named} reads the target from its end";
            return layer.Flag("return_sequences") ? null : $"{named} gives its last output only";
        }

        if (s_attention.Contains(layer.Class))
            return !IsOfTarget(call.First) || call.Others.Exists(IsOfTarget) ? $"{named} attends to the target" : call.IsCausal ? $"{named} compares steps of source and target (a causal mask)" : null;
        return layer.Class switch
        {
            not "Dot" when call.Read.Any(value => !IsOfTarget(value) && !IsMask(value)) => $"{named} joins the target with values of the source",
            "TimeDistributed" => s_steps.Contains(KerasEmitter.Inner(layer).Class) ? null : $"{named} is not supported over the target",
            "Concatenate" => layer.Int("axis", -1) is -1 or 2 ? null : $"{named} joins steps of the target",
            "Dot" => IsOfTarget(call.First) && !call.Others.Exists(IsOfTarget) && layer.Longs("axes") is [2 or -1, _] or [2 or -1] ? null : $"{named} sums over steps of the target",
            _ when !s_steps.Contains(layer.Class) => $"{named} may read several steps of the target",
            "Softmax" or "LayerNormalization" or "BatchNormalization" => layer.Longs("axis") is [] or [-1] or [2] ? null : $"{named} compares steps of the target",
            _ => null,
        };
    }

    /// <summary>Whether a value is a mask that a layer computes, as Keras 3 writes them.</summary>
    public bool IsMask((string Layer, int Call, int Output) value) => _calls.TryGetValue(_model.Place((value.Layer, value.Call)), out var call) && call.Layer.Class is ("NotEqual" or "Any");

    private List<TrainingCall> Readers(KerasLayer input) => [.. _calls.Values.Where(c => c.Read.Any(r => r.Layer == input.Name))];

    /// <summary>The sizes of an input, 0 where they are open.</summary>
    private static int[]? Shape(KerasLayer input) =>
        (input.Get("batch_input_shape") ?? input.Get("batch_shape")) is { ValueKind: JsonValueKind.Array } shape ? [.. shape.EnumerateArray().Select(s => s.ValueKind == JsonValueKind.Number && s.TryGetInt32(out var size) ? size : 0)] : null;
}
