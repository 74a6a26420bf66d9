using SeqRuntime.Training.Data;
using SeqRuntime.Training.Model;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Evaluation;

/// <summary>Scores the model during training: greedy, with stress and without.</summary>
internal static class Validation
{
    private const int BatchSize = 256;
    private const int LongestAnswer = 30;

    public static (ErrorRates Stressed, ErrorRates Plain) Score(G2pModel model, IEnumerable<Word> words)
    {
        var (stressed, plain) = (new ErrorRates(), new ErrorRates());
        model.eval();
        using var _ = no_grad();
        foreach (var group in words.GroupBy(w => w.Text.Length))
        {
            foreach (var chunk in group.Chunk(BatchSize))
            {
                using var scope = NewDisposeScope();
                var source = tensor(chunk.SelectMany(w => Vocabulary.Letters(w.Text)).ToArray(), [chunk.Length, group.Key + 1]);
                var answers = model.Greedy(source, LongestAnswer).data<long>().ToArray();
                foreach (var (row, word) in chunk.Index())
                {
                    string[] answer = [.. answers.Skip(row * LongestAnswer).Take(LongestAnswer).TakeWhile(t => t != Vocabulary.End).Select(t => Vocabulary.Target[(int)t])];
                    stressed.Add(answer, word.Pronunciations);
                    plain.Add([.. answer.Select(ErrorRates.WithoutStress)], word.Pronunciations.Select(p => Array.ConvertAll(p, ErrorRates.WithoutStress)));
                }
            }
        }

        model.train();
        return (stressed, plain);
    }
}
