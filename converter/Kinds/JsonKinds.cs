using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace SeqRuntime.Converter.Kinds;

/// <summary>Tells JSON documents apart by the members of the outermost object.</summary>
internal static class JsonKinds
{
    private const int Shown = 8;

    /// <summary>The kinds by their members, the first that has all.</summary>
    private static readonly (string[] Members, FileKind Kind)[] s_kinds =
    [
        (["in_shape", "layers"], FileKind.RtNeural),
        (["model_data", "state_dict"], FileKind.GuitarMl),
        (["state_dict"], FileKind.StateDict),
        (["model_state_dict"], FileKind.StateDict),
        (["architecture", "config"], FileKind.Nam),
        (["modelTopology"], FileKind.TensorFlowJs),
        (["class_name", "config"], FileKind.KerasArchitecture),
        (["architecture", "trainable_params"], Unread("a model of frugally-deep", "Convert the original Keras model (.h5)")),
        (["layers", "inputs", "outputs"], Unread("a model of lwtnn", "Convert the Keras model (.h5) that it was made from")),
        (["conv1d", "lstm", "dense", "input_size"], Unread("a model of GuitarML's SmartAmpPro", "Convert the Keras model (.h5) that it was made from")),
        (["residual_channels", "dilations", "variables"], Unread("a WaveNet of PedalNet and GuitarML's SmartAmp", "Export the PyTorch model (.ckpt) that it was made from as ONNX and convert that")),
        (["arg_nodes", "heads"], FileKind.Mxnet),
        (["learner"], Unread("a model of XGBoost", "It has no layers; this converter reads networks only")),
        (["weight_map"], FileKind.WeightIndex),
        (["model_type"], Unread("a configuration of Hugging Face's transformers", "Export the model as ONNX and convert that")),
        (["architectures"], Unread("a configuration of Hugging Face's transformers", "Export the model as ONNX and convert that")),
        (["model", "added_tokens"], Unread("a tokenizer of Hugging Face, which contains no model", "A description's 'tables' can name one of its members as tokens")),
    ];

    /// <summary>The kind of a document. One that may be a description with an error is a description.</summary>
    public static FileKind Of(ReadOnlySpan<byte> file)
    {
        var (names, isWhole) = Members(file);
        bool Has(string name) => names.Contains(name);
        if (names.Count == 0 || ((Has("graphs") || Has("weights") || Has("tables") || Has("decoding")) && !Has("architecture") && !Has("model_data") && !Has("modelTopology"))) return FileKind.Description;
        if (Array.Find(s_kinds, k => Array.TrueForAll(k.Members, Has)).Kind is { } kind) return kind;
        // Settings or a vocabulary may stand beside the tensors.
        if (names.TrueForAll(IsWeight) || names.Exists(name => name.Contains('.', StringComparison.Ordinal) && IsWeight(name))) return FileKind.StateDict;
        if (!isWhole) return FileKind.Description;
        return new FileKind($"JSON that is not a description of a model: it has neither 'graphs' nor 'weights' (see docs/description.md). It has {string.Join(", ", names.Take(Shown).Select(n => $"'{n}'"))}{(names.Count > Shown ? " …" : "")}", KindUse.Wrapped);
    }

    private static FileKind Unread(string what, string wayOut) => new(what, KindUse.Unread, wayOut);

    /// <summary>Whether this is how PyTorch names a tensor of a layer.</summary>
    private static bool IsWeight(string name) => name.Split('.')[^1] is var last && (last is "weight" or "bias" or "running_mean" or "running_var" or "num_batches_tracked" or "eps" || last.StartsWith("weight_", StringComparison.Ordinal) || last.StartsWith("bias_", StringComparison.Ordinal));

    /// <summary>The names of the outermost members up to the first error, and whether there is none.</summary>
    private static (List<string> Names, bool IsWhole) Members(ReadOnlySpan<byte> file)
    {
        var names = new List<string>();
        var text = file.StartsWith(Encoding.UTF8.Preamble) ? file[Encoding.UTF8.Preamble.Length..] : file;
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1) names.Add(reader.GetString()!);
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // The reader of descriptions tells where the error is.
            return (names, false);
        }

        return (names, Utf8.IsValid(text));
    }
}
