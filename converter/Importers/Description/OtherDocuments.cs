using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>JSON documents of other tools that are taken for descriptions: whose they are, by their members, and the way that there is.</summary>
internal static class OtherDocuments
{
    private const int Shown = 8;

    /// <summary>Why a document is no description, or null where it may be one with a mistake in it.</summary>
    /// <param name="document">The document.</param>
    /// <param name="file">Its file, for commands.</param>
    public static string? Refusal(JsonElement document, string file)
    {
        if (document.ValueKind != JsonValueKind.Object) return null;
        var names = document.EnumerateObject().Select(m => m.Name).ToHashSet();
        if (names.Count == 0 || names.Overlaps(["graphs", "weights", "tables", "decoding"]) && !names.Overlaps(["architecture", "model_data", "modelTopology"])) return null;
        bool Has(params string[] all) => names.IsSupersetOf(all);
        var name = Path.GetFileName(file);
        var what =
            Has("in_shape", "layers") ? "a model of RTNeural, which is not read. Convert the Keras model (.h5) or the ONNX export of the model that it was made from; or bring its numbers into an .npz file and describe it"
            : Has("state_dict") ? $"a model of GuitarML or another that writes PyTorch's state_dict as JSON. Make an .npz file of it, python -c \"import json, numpy; numpy.savez('weights.npz', **{{k: numpy.array(v, 'float32') for k, v in json.load(open('{name}'))['state_dict'].items()}})\", and describe the layers, whose names it keeps"
            : Has("architecture", "weights", "config") ? "a model of Neural Amp Modeler (.nam), which is not read. Convert the ONNX export of the model that it was made from"
            : Has("modelTopology") ? "a model of TensorFlow.js, which is not read. Convert the Keras model (.h5) that it was made from"
            : Has("class_name", "config") ? $"an architecture that Keras saved without weights. Put it into the file of weights, and convert that one as a whole model: {KerasArchitecture.Command(name, "weights.h5")}"
            : Has("model_type") || Has("architectures") ? "a configuration of Hugging Face's transformers, which is not read. Export the model as ONNX and convert that"
            : Has("model", "added_tokens") ? "a tokenizer of Hugging Face, which holds no model; a description's 'tables' can name a member of it as tokens"
            : null;
        return what is not null ? $"this is {what}."
            : $"this JSON is no description of a model: it has neither 'graphs' nor 'weights' (docs/description.md tells what a description is). It has {string.Join(", ", names.Take(Shown).Select(n => $"'{n}'"))}{(names.Count > Shown ? " …" : "")}.";
    }
}
