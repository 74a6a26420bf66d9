using SeqRuntime.Training.Data;
using SeqRuntime.Training.Model;
using SeqRuntime.Training.Optimization;

namespace SeqRuntime.Training.Tests;

/// <summary>The split of the words, and a run that is killed and resumed.</summary>
[Collection(Native.Alone)]
public sealed class TrainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_word_s_part_follows_from_its_letters()
    {
        var words = Words(4000);
        var first = CmuDict.Read(Write("a.dict", words));
        var second = CmuDict.Read(Write("b.dict", words.AsEnumerable().Reverse()));
        Assert.Equal(first.Test.Select(w => w.Text), second.Test.Select(w => w.Text));
        Assert.Equal(first.Validation.Select(w => w.Text), second.Validation.Select(w => w.Text));
        Assert.Equal(first.Training.Select(w => w.Text), second.Training.Select(w => w.Text));
        var all = first.Training.Concat(first.Validation).Concat(first.Test).ToList();
        Assert.Equal(4000, all.Select(w => w.Text).Distinct().Count());
        Assert.Equal(4000, all.Count);
        Assert.InRange(first.Test.Count, 330, 470);
        Assert.InRange(first.Validation.Count, 45, 120);
        // With fewer words, the others keep their parts.
        var some = CmuDict.Read(Write("c.dict", words.Take(1000)));
        Assert.Subset(first.Test.Select(w => w.Text).ToHashSet(), some.Test.Select(w => w.Text).ToHashSet());
    }

    [Fact]
    public void Further_pronunciations_stay_with_their_word()
    {
        var words = CmuDict.Read(Write("d.dict", ["read R EH1 D", "read(2) R IY1 D", "# nothing", "a AH0 # article"]));
        var all = words.Training.Concat(words.Validation).Concat(words.Test).ToDictionary(w => w.Text);
        Assert.Equal(2, all["read"].Pronunciations.Count);
        Assert.Equal(["AH0"], all["a"].Pronunciations[0]);
        Assert.Throws<InvalidDataException>(() => CmuDict.Read(Write("e.dict", ["# nothing"])));
    }

    [Fact]
    public void A_run_that_was_killed_and_resumed_makes_the_same_bits()
    {
        var words = CmuDict.Read(Write("f.dict", Words(300)));
        var whole = Options("whole");
        var history = new Trainer(words, whole, new Reports()).Run(CancellationToken.None);
        Assert.Equal(2, history.Count);
        Assert.True(history[^1].Loss < history[0].Loss);
        Assert.True(File.Exists(Path.Combine(whole.Folder, "best.safetensors")));

        var parts = Options("parts");
        var resumed = 0;
        foreach (var steps in (int[])[3, 4])
        {
            using var kill = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => new Trainer(words, parts, new Reports(steps, kill)).Run(kill.Token));
            resumed++;
        }

        var again = new Trainer(words, parts, new Reports()).Run(CancellationToken.None);
        Assert.Equal(2, resumed);
        Assert.Equal(history.Select(e => (e.Loss, e.WordErrors)), again.Select(e => (e.Loss, e.WordErrors)));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole.Folder, "best.safetensors")), File.ReadAllBytes(Path.Combine(parts.Folder, "best.safetensors")));
        Assert.NotEmpty(Directory.GetFiles(whole.Folder, "*.svg").Concat(Directory.GetFiles(whole.Folder, "*.png")));
    }

    private TrainerOptions Options(string name) => new()
    {
        Folder = _folder[name],
        Sizes = new G2pSizes { Embedding = 8, Encoder = 10, Decoder = 12, Attention = 8, Readout = 8 },
        Epochs = 2,
        BatchSize = 32,
        Clipping = new Clipping(Value: null, 1),
    };

    private string Write(string name, IEnumerable<string> lines)
    {
        var path = _folder[name];
        File.WriteAllLines(path, lines);
        return path;
    }

    /// <summary>Made-up words whose letters each stand for one phoneme.</summary>
    private static List<string> Words(int count)
    {
        string[] phonemes = ["AH0", "B", "K", "D", "EH1", "F", "G"];
        var random = new Random(1);
        var words = new Dictionary<string, string>();
        while (words.Count < count)
        {
            int[] letters = [.. Enumerable.Range(0, random.Next(3, 9)).Select(_ => random.Next(phonemes.Length))];
            words.TryAdd(string.Concat(letters.Select(l => (char)('a' + l))), string.Join(' ', letters.Select(l => phonemes[l])));
        }

        return [.. words.Select(w => $"{w.Key} {w.Value}")];
    }

    /// <summary>Kills a run after this many steps.</summary>
    private sealed class Reports(int steps = -1, CancellationTokenSource? kill = null) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Result is null && --steps == 0) kill?.Cancel();
        }
    }
}
