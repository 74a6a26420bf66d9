using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Recognizes JSON documents of other tools by their members, and advises what to do instead.</summary>
internal static class OtherDocuments
{
    private const int Shown = 8;

    /// <summary>Why a document is not a description. Null if it may be a description with an error.</summary>
    /// <param name="document">The document.</param>
    /// <param name="file">Its file, for the suggested commands.</param>
    public static string? Refusal(JsonElement document, string file)
    {
        if (document.ValueKind != JsonValueKind.Object) return null;
        var names = document.EnumerateObject().Select(m => m.Name).ToHashSet();
        if (names.Count == 0 || names.Overlaps(["graphs", "weights", "tables", "decoding"]) && !names.Overlaps(["architecture", "model_data", "modelTopology"])) return null;
        bool Has(params string[] all) => names.IsSupersetOf(all);
        var name = Path.GetFileName(file);
        var what =
            Has("in_shape", "layers") ? "an RTNeural model, which is not supported. Convert the Keras model (.h5) or an ONNX export of the original model; or write its weights to an .npz file and describe it"
            : Has("state_dict") ? $"a model of GuitarML or of another tool that writes PyTorch's state_dict as JSON. Make an .npz file of it, python -c \"import json, numpy; numpy.savez('weights.npz', **{{k: numpy.array(v, 'float32') for k, v in json.load(open('{name}'))['state_dict'].items()}})\", and describe the layers; the names of the weights stay the same"
            : Has("architecture", "weights", "config") ? "a model of Neural Amp Modeler (.nam), which is not supported. Convert an ONNX export of the original model"
            : Has("modelTopology") ? "a model of TensorFlow.js, which is not supported. Convert the original Keras model (.h5)"
            : Has("class_name", "config") ? $"an architecture that Keras saved without weights. Add it to the weight file, and convert that file as a whole model: {KerasArchitecture.Command(name, "weights.h5")}"
            : Has("model_type") || Has("architectures") ? "a configuration of Hugging Face's transformers, which is not supported. Export the model as ONNX and convert that"
            : Has("model", "added_tokens") ? "a tokenizer of Hugging Face, which contains no model; a description's 'tables' can name one of its members as tokens"
            : null;
        return what is not null ? $"this is {what}."
            : $"this JSON is not a description of a model: it has neither 'graphs' nor 'weights' (see docs/description.md). It has {string.Join(", ", names.Take(Shown).Select(n => $"'{n}'"))}{(names.Count > Shown ? " …" : "")}.";
    }
}
