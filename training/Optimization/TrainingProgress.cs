namespace SeqRuntime.Training.Optimization;

/// <summary>The progress of a run: within an epoch, or at the end of one (then <see cref="Result"/> is set).</summary>
internal sealed record TrainingProgress(int Epoch, int Epochs, int Batch, int Batches, double Loss, double GradientNorm, double SecondsLeft)
{
    public TrainingProgress(EpochResult result)
        : this(result.Epoch, 0, 0, 0, result.Loss, result.GradientNorm, 0) => Result = result;

    public EpochResult? Result { get; }
}
