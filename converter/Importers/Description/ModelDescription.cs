using System.Text.Json;
using System.Text.Json.Serialization;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// An architecture as a JSON document: graphs of layers over named tensors of a weight file. Names follow PyTorch.
/// docs/description.md explains the members. An unknown member is an error.
/// </summary>
internal sealed record ModelDescription
{
    /// <summary>For editors. It is not read.</summary>
    [JsonPropertyName("$schema")]
    public string? Schema { get; set; }

    /// <summary>
    /// The weight file, relative to the description: .safetensors, .npz, .h5 (Keras) or a PyTorch file (.pt, .pth, .ckpt). Or several by the first part of
    /// their tensors' names.
    /// </summary>
    public required JsonElement Weights { get; init; }

    /// <summary>The factor for integers of the weight file: 0.0001 if weights are stored as whole ten-thousandths.</summary>
    public float? Scale { get; set; }

    /// <summary>Token tables by name (a decoder's are <c>source</c> and <c>target</c>): a list of texts, or <c>{"file": …, "member": …}</c>.</summary>
    public Dictionary<string, JsonElement> Tables { get; set; } = [];

    public DecodingDescription? Decoding { get; set; }

    /// <summary>Graphs by name: <c>main</c>, or <c>encoder</c> and <c>step</c>, and so on.</summary>
    public required Dictionary<string, GraphDescription> Graphs { get; init; }
}

/// <summary>A document that says how graphs of other formats are decoded.</summary>
internal sealed record DecodingDocument
{
    /// <summary>For editors. It is not read.</summary>
    [JsonPropertyName("$schema")]
    public string? Schema { get; set; }

    /// <inheritdoc cref="ModelDescription.Tables"/>
    public Dictionary<string, JsonElement> Tables { get; set; } = [];

    public required DecodingDescription Decoding { get; init; }
}

/// <summary>One graph: inputs and states, layers in order of execution, outputs.</summary>
internal sealed record GraphDescription
{
    public Dictionary<string, PortDescription> Inputs { get; set; } = [];

    public Dictionary<string, StateDescription> States { get; set; } = [];

    public required LayerDescription[] Layers { get; init; }

    /// <summary>Names of the outputs and their values.</summary>
    public required Dictionary<string, string> Outputs { get; init; }
}

/// <summary>An input: its type (float32, int32 or int64), and its sizes or names of symbolic dimensions.</summary>
internal sealed record PortDescription
{
    public string Type { get; set; } = "float32";

    public required JsonElement[] Shape { get; init; }
}

/// <summary>A float32 state that the runtime keeps. Layers read it by its name; it becomes <see cref="Update"/> when a run ends.</summary>
internal sealed record StateDescription
{
    public required JsonElement[] Shape { get; init; }

    public required string Update { get; init; }

    /// <summary>The tensor of the weight file, or a part of it, with the first values: the state starts there, and returns there when it is reset. Zeros if omitted.</summary>
    public string? Initial { get; set; }
}

/// <summary>How a decoder uses the graphs. Tokens are texts of the tables or indices.</summary>
internal sealed record DecodingDescription
{
    /// <summary><c>encoder-decoder</c>, <c>ctc</c>, <c>transducer</c> or <c>language-model</c>.</summary>
    public string Kind { get; set; } = "encoder-decoder";

    public string? Encoder { get; set; }

    public string? Step { get; set; }

    public string? Predict { get; set; }

    public string? Joint { get; set; }

    public string? Source { get; set; }

    public string? SourceLength { get; set; }

    /// <summary>Input of an encoder-decoder's encoder that takes the positions of the source's tokens: 0, 1 and so on.</summary>
    public string? SourcePosition { get; set; }

    public string? Mask { get; set; }

    public string? Token { get; set; }

    /// <summary>Input of the step that takes the number of previous steps.</summary>
    public string? Position { get; set; }

    public string? Logits { get; set; }

    /// <summary>The content of the output named as logits: <c>logits</c> (also for log probabilities), or <c>probabilities</c>.</summary>
    public string? Scores { get; set; }

    public string? Alignment { get; set; }

    /// <summary>Inputs or states of the step, and the encoder's outputs that fill them.</summary>
    public Dictionary<string, string> Links { get; set; } = [];

    public JsonElement? Begin { get; set; }

    public JsonElement? End { get; set; }

    public JsonElement? Unknown { get; set; }

    public JsonElement? SourceBegin { get; set; }

    public JsonElement? SourceEnd { get; set; }

    public JsonElement? Blank { get; set; }

    public int? Max { get; set; }

    /// <summary>Most tokens of a language model, prompt and result together, where its caches do not tell.</summary>
    public int? Context { get; set; }

    /// <summary>The text between the tokens of a result.</summary>
    public string? Separator { get; set; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowOutOfOrderMetadataProperties = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ModelDescription))]
[JsonSerializable(typeof(DecodingDocument))]
internal sealed partial class DescriptionJson : JsonSerializerContext;
