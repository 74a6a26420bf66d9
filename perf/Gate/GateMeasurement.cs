using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Gate;

/// <summary>
/// The fastest of many short blocks of our work and of its plain loop, over the requested number of attempts. A block takes a third of a
/// millisecond, so other programs interrupt few blocks. Each attempt uses other memory, because pages that collide in a cache cost up to
/// a third.
/// </summary>
internal sealed class GateMeasurement(GateCase work)
{
    private const double BlockSeconds = 0.0003;
    private const int Rounds = 120;

    public string Id => work.Id;

    /// <summary>Microseconds of the fastest block so far.</summary>
    public double Ours { get; private set; } = double.PositiveInfinity;

    /// <summary>The same for the plain loop.</summary>
    public double Plain { get; private set; } = double.PositiveInfinity;

    public double Ratio => Ours / Plain;

    public int Attempts { get; private set; }

    public void Attempt()
    {
        using var runner = work.Start();
        var plain = work.Reference();
        if (Attempts == 0) Interleaved.Warm([runner.Run, plain]);
        var count = Interleaved.Calibrate(runner.Run, BlockSeconds);
        var plainCount = Interleaved.Calibrate(plain, BlockSeconds);
        for (var round = 0; round < Rounds; round++)
        {
            runner.Run();
            Ours = Math.Min(Ours, Interleaved.Block(runner.Run, count) * 1e6);
            plain();
            Plain = Math.Min(Plain, Interleaved.Block(plain, plainCount) * 1e6);
        }

        Attempts++;
    }
}
