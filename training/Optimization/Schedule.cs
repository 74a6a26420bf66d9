namespace SeqRuntime.Training.Optimization;

/// <summary>
/// Learning rate: rises from 0 during the first steps (Goyal et al. 2017, arXiv:1706.02677), then falls along a half cosine to one
/// hundredth of the peak (Loshchilov and Hutter 2017, arXiv:1608.03983).
/// </summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="WarmUp">Steps during which it rises.</param>
/// <param name="Steps">Total steps.</param>
internal sealed record Schedule(double Peak, int WarmUp, int Steps)
{
    private const double Floor = 0.01;

    /// <summary>The rate of a step, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmUp) return Peak * (step + 1) / WarmUp;
        var part = Math.Min(1, (step - WarmUp) / (double)Math.Max(1, Steps - WarmUp));
        return Peak * (Floor + (1 - Floor) * (1 + Math.Cos(Math.PI * part)) / 2);
    }
}
