namespace SeqRuntime.Tests.RealModels;

/// <summary>Differences between two runs over the same frames: the largest relative to the output's range, the root mean square, and whether it grows.</summary>
internal sealed class Agreement
{
    private readonly List<(double Error, double Energy)> _frames = [];
    private double _largest;
    private double _low = double.MaxValue;
    private double _high = double.MinValue;

    public int Frames => _frames.Count;

    /// <summary>Largest difference over the range (largest minus smallest) of the reference.</summary>
    public double WorstOfRange => _largest / (_high - _low);

    /// <summary>Root mean square of the difference relative to the reference's.</summary>
    public double RelativeRms => Rms(0, _frames.Count);

    /// <summary>Relative RMS of the last third divided by that of the first: near 1 if nothing accumulates.</summary>
    public double Drift => Rms(_frames.Count * 2 / 3, _frames.Count) / Rms(0, _frames.Count / 3);

    public void Add(ReadOnlySpan<float> reference, ReadOnlySpan<float> ours)
    {
        Assert.Equal(reference.Length, ours.Length);
        double error = 0, energy = 0;
        for (var i = 0; i < reference.Length; i++)
        {
            var difference = Math.Abs((double)reference[i] - ours[i]);
            Assert.False(double.IsNaN(difference));
            _largest = Math.Max(_largest, difference);
            _low = Math.Min(_low, reference[i]);
            _high = Math.Max(_high, reference[i]);
            error += difference * difference;
            energy += (double)reference[i] * reference[i];
        }

        _frames.Add((error, energy));
    }

    private double Rms(int from, int to)
    {
        double error = 0, energy = 0;
        for (var i = from; i < to; i++)
        {
            error += _frames[i].Error;
            energy += _frames[i].Energy;
        }

        return Math.Sqrt(error / energy);
    }
}
