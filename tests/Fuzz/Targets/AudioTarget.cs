using System.Globalization;
using System.Text;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers.AudioFormats;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Models of RTNeural, GuitarML, Neural Amp Modeler and RNNoise, and a state_dict. The same file is also read as a description's weights.</summary>
internal sealed class AudioTarget : ConverterTarget
{
    private readonly List<byte[]> _json = [];
    private readonly byte[] _text = Encoding.UTF8.GetBytes(AudioModels.RnNoise());
    private readonly List<byte[]> _seeds;

    public AudioTarget()
    {
        _json.AddRange(AudioModels.All.Where(model => model.StartsWith('{')).Select(Encoding.UTF8.GetBytes));
        _seeds = [.. _json, _text, .. Corpus("audio")];
        Write("model.json", WeightModels.For(WeightModels.Descriptions[0], "m"));
    }

    public override string Name => "audio";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => random.Next(8) != 0 ? JsonTrees.Mutate(random, Pick(random, _json), Pick(random, _json))
        : random.Next(2) == 0 ? Bytes.Mutate(random, Pick(random, _seeds), _text)
        : Words(random);

    public override Outcome Run(byte[] input)
    {
        var path = Write("m", input);
        var outcome = Convert([("main", path)]);
        _ = Convert([("main", At("model.json"))]);
        return outcome;
    }

    /// <summary>RNNoise's text with a few other numbers, or numbers left out.</summary>
    private byte[] Words(Random random)
    {
        string[] others = ["0", "-1", "1", "3", "128", "129", "-129", "2147483648", "x", "1.5", ""];
        var words = Encoding.UTF8.GetString(_text).Split(' ', '\n');
        for (var change = 1 + random.Next(3); change > 0; change--)
        {
            var at = random.Next(words.Length);
            words[at] = random.Next(3) == 0 ? random.Next(-200, 200).ToString(CultureInfo.InvariantCulture) : others[random.Next(others.Length)];
        }

        return Encoding.UTF8.GetBytes(string.Join(' ', words));
    }
}
