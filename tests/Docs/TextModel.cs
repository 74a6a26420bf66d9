using System.Text.Json.Nodes;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Docs;

/// <summary>The weights that the examples of language models imply, at random.</summary>
internal static class TextModel
{
    /// <summary>Writes an example and its weights to a folder.</summary>
    public static string Write(TemporaryFolder folder, string example)
    {
        var description = File.ReadAllText(Repository.Find(example));
        var checkpoint = new TorchCheckpoint();
        (string, int[])[] weights = example.EndsWith("text.json", StringComparison.Ordinal)
            ? [("embedding.weight", [31, 32]), ("rnn.weight_ih_l0", [192, 32]), ("rnn.weight_hh_l0", [192, 64]), ("rnn.bias_ih_l0", [192]), ("rnn.bias_hh_l0", [192]), ("head.weight", [31, 64]), ("head.bias", [31])]
            : [("embedding.weight", [50, 32]), ("positions.weight", [256, 32]), .. Layer(0), .. Layer(1), ("head.weight", [50, 32]), ("head.bias", [50])];
        var named = JsonNode.Parse(description)!["weights"]!.GetValue<string>();
        folder.Write(Path.Combine(Path.GetDirectoryName(example)!, named), checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Item1, (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Item2)), weight.Item2)))])));
        return folder.Write(example, description);
    }

    public static byte[] Convert(string example, WeightKind weights = WeightKind.Float32)
    {
        using var folder = new TemporaryFolder();
        return Conversion.Convert([("main", Write(folder, example))], new ConversionOptions { Weights = weights }).File;
    }

    private static IEnumerable<(string, int[])> Layer(int i) =>
    [
        ($"layers.{i}.self_attn.in_proj_weight", [96, 32]), ($"layers.{i}.self_attn.in_proj_bias", [96]), ($"layers.{i}.self_attn.out_proj.weight", [32, 32]), ($"layers.{i}.self_attn.out_proj.bias", [32]),
        ($"layers.{i}.norm1.weight", [32]), ($"layers.{i}.norm1.bias", [32]), ($"layers.{i}.norm2.weight", [32]), ($"layers.{i}.norm2.bias", [32]),
        ($"layers.{i}.linear1.weight", [64, 32]), ($"layers.{i}.linear1.bias", [64]), ($"layers.{i}.linear2.weight", [32, 64]), ($"layers.{i}.linear2.bias", [32]),
    ];
}
