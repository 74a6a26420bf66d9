using System.Diagnostics;
using SeqRuntime.Training.Data;
using SeqRuntime.Training.Evaluation;
using SeqRuntime.Training.Model;
using SeqRuntime.Training.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Optimization;

/// <summary>Options of a run.</summary>
internal sealed record TrainerOptions
{
    public required string Folder { get; init; }

    public G2pSizes Sizes { get; init; } = new();

    public int Epochs { get; init; } = 22;

    public int BatchSize { get; init; } = 128;

    public double Rate { get; init; } = 1.5e-3;

    public Clipping Clipping { get; init; } = Clipping.Off;

    /// <summary>Share of the probability spread over all phonemes (Szegedy et al. 2016, arXiv:1512.00567).</summary>
    public double LabelSmoothing { get; init; } = 0.05;

    public int Seed { get; init; } = 1;

    /// <summary>Ends the run after this many epochs without a better validation score.</summary>
    public int Patience { get; init; } = 6;

    /// <summary>Seconds between checkpoints. There is also one at the end of each epoch.</summary>
    public double CheckpointSeconds { get; init; } = 120;

    /// <summary>Quantization-aware: weights and activations are rounded as the int8 runtime rounds them.</summary>
    public bool Quantized { get; init; }

    /// <summary>Weights to start with. Null for random ones.</summary>
    public string? From { get; init; }
}

/// <summary>
/// Teacher forcing (Williams and Zipser 1989), Adam (Kingma and Ba 2015, arXiv:1412.6980), clipped gradients. All randomness depends on
/// the seed and the step only. So a run that was killed and resumed gives the same model as an uninterrupted one.
/// </summary>
internal sealed class Trainer(CmuDict words, TrainerOptions options, IProgress<TrainingProgress> progress)
{
    private readonly Checkpoint _last = new(Path.Combine(options.Folder, "last"));

    /// <summary>File of the weights with the best validation score.</summary>
    public string Best => Path.Combine(options.Folder, "best.safetensors");

    /// <summary>Trains to the end, from the last checkpoint if there is one. Returns the epochs' results.</summary>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    public IReadOnlyList<EpochResult> Run(CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.Folder);
        var complete = _last.Complete;
        var state = complete is null ? null : Checkpoint.State(complete);
        random.manual_seed(options.Seed);
        using var model = new G2pModel(state?.Sizes ?? options.Sizes);
        if (state is null && options.From is { } from) StateDictionary.Load(model, from);
        model.Rounding.Active = options.Quantized;
        model.train();
        using var optimizer = optim.Adam(model.parameters(), options.Rate, beta2: 0.998);
        if (complete is not null) Checkpoint.Load(complete, model, optimizer);

        var examples = Batches.Examples(words.Training);
        var perEpoch = Batches.Shuffled(examples, options.BatchSize, 0).Count;
        var schedule = new Schedule(options.Rate, Math.Min(perEpoch / 2, 400), perEpoch * options.Epochs);
        var history = state?.History ?? [];
        var step = state?.Step ?? 0;
        var sums = state?.Sums ?? EpochSums.Zero;
        var sinceSaved = Stopwatch.StartNew();
        TrainingState Now() => new() { Sizes = model.Sizes, Step = step, Sums = sums, History = history, Quantized = options.Quantized };

        while (step < schedule.Steps && !HasStalled(history))
        {
            var epoch = step / perEpoch;
            var batches = Batches.Shuffled(examples, options.BatchSize, HashCode(options.Seed, epoch));
            for (var at = step % perEpoch; at < perEpoch; at++)
            {
                var clock = Stopwatch.StartNew();
                foreach (var group in optimizer.ParamGroups) group.LearningRate = schedule.At(step);
                random.manual_seed(HashCode(options.Seed, step) & int.MaxValue);
                var (loss, tokens, norm) = Step(model, optimizer, batches[at]);
                if (!double.IsFinite(loss)) throw new DivergenceException(step, norm);
                step++;
                sums = new EpochSums(sums.Loss + loss * tokens, sums.Tokens + tokens, sums.Norm + norm, Math.Max(sums.LargestNorm, norm), sums.Steps + 1, sums.Seconds + clock.Elapsed.TotalSeconds);
                progress.Report(new TrainingProgress(epoch + 1, options.Epochs, at + 1, perEpoch, sums.Loss / sums.Tokens, norm, (schedule.Steps - step) * sums.Seconds / sums.Steps));
                if (cancellation.IsCancellationRequested || sinceSaved.Elapsed.TotalSeconds > options.CheckpointSeconds)
                {
                    _last.Save(Now(), model, optimizer);
                    sinceSaved.Restart();
                    cancellation.ThrowIfCancellationRequested();
                }
            }

            using (WeightRounding.Apply(model, options.Quantized))
            {
                var (stressed, plain) = Validation.Score(model, words.Validation);
                history.Add(new EpochResult(epoch + 1, sums.Loss / sums.Tokens, sums.Norm / sums.Steps, sums.LargestNorm, stressed.Word, plain.Word, schedule.At(step - 1), sums.Seconds));
            }

            sums = EpochSums.Zero;
            if (history[^1].WordErrors <= history.Min(e => e.WordErrors)) StateDictionary.Save(model, Best);
            _last.Save(Now(), model, optimizer);
            Curves.Save(history, options.Folder);
            progress.Report(new TrainingProgress(history[^1]));
        }

        return history;
    }

    private (double Loss, int Tokens, double Norm) Step(G2pModel model, optim.Optimizer optimizer, Batch batch)
    {
        using var scope = NewDisposeScope();
        var source = tensor(batch.Source, [batch.Count, batch.SourceLength]);
        var previous = tensor(batch.Previous, [batch.Count, batch.TargetLength]);
        var expected = tensor(batch.Expected, [batch.Count * batch.TargetLength]);
        optimizer.zero_grad();
        Tensor loss;
        using (WeightRounding.Apply(model, options.Quantized))
        {
            var logits = model.Forward(source, previous);
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), expected, ignore_index: Batch.Ignored, label_smoothing: options.LabelSmoothing);
            loss.backward();
        }

        Parameter[] parameters = [.. model.parameters()];
        var norm = options.Clipping.Apply(parameters);
        optimizer.step();
        return (loss.item<float>(), batch.Expected.Count(token => token != Batch.Ignored), norm);
    }

    private bool HasStalled(List<EpochResult> history)
    {
        if (history.Count == 0) return false;
        var best = history.MinBy(e => e.WordErrors)!.Epoch;
        return history[^1].Epoch - best >= options.Patience;
    }

    /// <summary>A separate seed for each epoch or step, by SplitMix64's mixing (Steele, Lea and Flood 2014).</summary>
    private static int HashCode(int seed, int index)
    {
        var z = unchecked((ulong)seed * 0x9E3779B97F4A7C15 + (ulong)(index + 1) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ z >> 30) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ z >> 27) * 0x94D049BB133111EB);
        return (int)(z ^ z >> 31);
    }
}

/// <summary>The loss became NaN or infinite.</summary>
internal sealed class DivergenceException(int step, double norm)
    : Exception($"The loss is not finite after step {step} (gradient norm {norm:G3}). Clip the gradient (--clip-norm 1) or lower the rate (--rate).");
