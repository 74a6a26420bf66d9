using System.Text.Json.Nodes;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Tests.Importers;

/// <summary>The schemas in docs/ are those of the types that read the documents.</summary>
public sealed class DescriptionSchemaTests
{
    [Theory]
    [InlineData("docs/description.schema.json", false)]
    [InlineData("docs/decoding.schema.json", true)]
    public void The_committed_schema_is_what_is_read(string file, bool decoding)
    {
        var expected = decoding ? DescriptionSchema.Decoding : DescriptionSchema.Model;
        var path = Repository.Find(file);
        if (Environment.GetEnvironmentVariable("SEQRUNTIME_WRITE_SCHEMA") == "1") File.WriteAllText(path, expected);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == expected, $"{file} is not up to date; to update it, run the tests with SEQRUNTIME_WRITE_SCHEMA=1.");
    }

    [Fact]
    public void Every_layer_is_in_the_schema_and_in_the_documentation()
    {
        var text = File.ReadAllText(Repository.Find("docs/description.md"));
        var kinds = typeof(LayerDescription).GetCustomAttributes(typeof(System.Text.Json.Serialization.JsonDerivedTypeAttribute), false).Cast<System.Text.Json.Serialization.JsonDerivedTypeAttribute>().Select(a => (string)a.TypeDiscriminator!).ToList();
        Assert.True(kinds.Count > 15);
        foreach (var kind in kinds)
        {
            Assert.Contains($"\"const\": \"{kind}\"", DescriptionSchema.Model, StringComparison.Ordinal);
            Assert.Contains($"| `{kind}` |", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("docs/examples/g2p_en.json")]
    [InlineData("docs/examples/dtln.json")]
    [InlineData("docs/examples/thai2rom.json")]
    [InlineData("docs/examples/text.json")]
    [InlineData("docs/examples/transformer.json")]
    [InlineData("training/g2p.json")]
    public void An_example_names_the_schema_that_is_there(string file)
    {
        var path = Repository.Find(file);
        var named = JsonNode.Parse(File.ReadAllText(path))!["$schema"]!.GetValue<string>();
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(path)!, named)), named);
    }
}
