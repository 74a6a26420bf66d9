namespace SeqRuntime.Training.Optimization;

/// <summary>The result of an epoch.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Loss">Mean cross entropy of a phoneme on training words.</param>
/// <param name="GradientNorm">Mean norm of the gradient before clipping.</param>
/// <param name="LargestNorm">Largest norm of the gradient before clipping.</param>
/// <param name="WordErrors">Share of wrong validation words, greedy, with stress.</param>
/// <param name="PlainWordErrors">The same without stress digits.</param>
/// <param name="Rate">Learning rate at its end.</param>
/// <param name="Seconds">Time it took.</param>
internal sealed record EpochResult(int Epoch, double Loss, double GradientNorm, double LargestNorm, double WordErrors, double PlainWordErrors, double Rate, double Seconds);
