namespace SeqRuntime.Converter.Pipeline;

/// <summary>A part of a conversion's work as a share of its progress.</summary>
/// <param name="From">The progress at its beginning.</param>
/// <param name="To">The progress at its end.</param>
internal readonly record struct Phase(double From, double To)
{
    public static readonly Phase Reading = new(0, 0.1), Resolving = new(0.1, 0.3), Rounding = new(0.3, 0.75), Checking = new(0.75, 0.8), PackingExact = new(0.8, 0.85), Measuring = new(0.85, 1);

    /// <summary>The progress after a share of the work, from 0 to 1.</summary>
    public double At(double share) => From + (To - From) * Math.Clamp(share, 0, 1);
}
