using System.Text.Json;
using NativeAotSample;

namespace SeqRuntime.Tests.Sample;

/// <summary>The sample's main command with the model that is committed beside it.</summary>
public sealed class PronounceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Words_of_the_command_line_and_of_the_input_are_pronounced_alike()
    {
        var (code, words, error) = Run("", "speech", "recurrent");
        Assert.Equal(0, code);
        Assert.Equal("", error);
        Assert.Equal("speech\tS P IY1 CH\nrecurrent\tR IH0 K ER1 AH0 N T\n", words);
        Assert.Equal(new Printed(0, words, ""), Run("speech\n\n  recurrent\n"));
        Assert.Equal(new Printed(0, "", ""), Run(""));
    }

    [Fact]
    public void The_best_come_in_order_and_as_JSON_the_same()
    {
        var lines = Run("", "recurrent", "--best", "3").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        var scores = lines.Select(l => double.Parse(l.Split('\t')[2])).ToList();
        Assert.Equal(scores.OrderDescending(), scores);

        var (code, json, error) = Run("Recurrent \"b\"", "--best", "3", "--json");
        Assert.Equal((0, "'\"b\"': the model does not know \" and guesses\n"), (code, error));
        var objects = json.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(["Recurrent", "\"b\""], objects.Select(o => o.GetProperty("word").GetString()));
        Assert.Equal("\"", objects[1].GetProperty("unknown").GetString());
        Assert.Equal(lines.Select(l => l.Split('\t')[1]), objects[0].GetProperty("best").EnumerateArray().Select(b => b.GetProperty("pronunciation").GetString()));
        Assert.Equal(scores[0], objects[0].GetProperty("best")[0].GetProperty("logProbability").GetDouble(), 1e-4);
    }

    [Fact]
    public void The_alignment_is_drawn_as_SVG_and_in_characters()
    {
        var picture = _folder["align.svg"];
        var text = Run("", "speech", "--alignment", picture).Out.Split('\n');
        Assert.Equal("speech\tS P IY1 CH", text[0]);
        Assert.Matches(@"^ +s  p  e  e  c  h", text[1]);
        Assert.Equal(["S", "P", "IY1", "CH", "end"], text[2..7].Select(l => l.TrimStart().Split(' ')[0]));
        var svg = System.Xml.Linq.XDocument.Load(picture);
        Assert.Equal("svg", svg.Root!.Name.LocalName);
        foreach (var phoneme in (string[])["IY1", "CH"]) Assert.Contains(svg.Descendants(), e => e.Name.LocalName == "text" && e.Value == phoneme);
    }

    [Fact]
    public void Unknown_characters_are_reported_and_other_words_continue()
    {
        var (code, output, error) = Run("café 123 speech " + new string('a', 500) + " speech");
        Assert.Equal(1, code);
        Assert.Equal(["café", "speech", "speech"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('\t')[0]));
        var faults = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, faults.Length);
        Assert.Equal("'café': the model does not know é and guesses", faults[0]);
        Assert.Equal("'123': the model knows none of its letters: 123", faults[1]);
        Assert.Contains("The text has more tokens than the ", faults[2], StringComparison.Ordinal);
        Assert.Equal(new Printed(1, "", "'': there is no letter to pronounce\n"), Run("", ""));
    }

    private static Printed Run(string input, params string[] arguments) => Printed.By((output, error) =>
        PronounceCommand.Run(new Arguments([.. arguments, "--model", Repository.Find("NativeAotSample/g2p.seq")]), new StringReader(input), output, error));
}
