using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Measuring;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Perf.Gate;

/// <summary>A piece of our work, and the plain loop that its time is divided by.</summary>
/// <param name="Id">Name in the baseline.</param>
/// <param name="Start">Prepares it, in new memory each time.</param>
/// <param name="Reference">Prepares the plain loop in the same way.</param>
internal sealed record GateCase(string Id, Func<Runner> Start, Func<Action> Reference);

/// <summary>The fixed set of cases: one of each kind whose slowdown matters first.</summary>
internal static class GateCases
{
    private const int ActivationRow = 1024;

    public static IEnumerable<GateCase> All()
    {
        foreach (var op in (string[])["LSTM", "GRU"])
        {
            foreach (var units in (int[])[64, 256])
            {
                foreach (var storage in (Storage[])[Storage.Find("fp32")!, Storage.Find("int8")!])
                {
                    var layer = new RecurrentLayer(op, units, units);
                    yield return new GateCase(
                        $"{op.ToLowerInvariant()}/{units}/{storage.Name}",
                        () => LayerContests.Start(layer, storage),
                        () => storage.IsInt8 ? Reference.Int8(layer.Macs) : Reference.Float32(layer.Macs));
                }
            }
        }

        yield return new GateCase("gemm/16-256-512/fp32", () => new MatrixProduct(16, 256, 512, false).Runner(), () => Reference.Float32(256 * 512));
        yield return new GateCase("gemm/16-256-512/int8", () => new MatrixProduct(16, 256, 512, true).Runner(), () => Reference.Int8(256 * 512));
        yield return new GateCase($"tanh/{ActivationRow}", Tanh, () => Reference.Polynomial(ActivationRow));
        if (Places.Models() is not { } models) yield break;
        var mask = ModelContests.Frames(models)[0];
        if (!File.Exists(mask.Path)) yield break;
        yield return new GateCase(
            "dtln-mask/int8",
            () =>
            {
                var (model, session, _) = mask.Ours(Storage.Find("int8")!);
                return new Runner(session.Run, session, model);
            },
            () => Reference.Int8(400_000));
    }

    private static unsafe Runner Tanh()
    {
        var memory = new NativeRow(ActivationRow);
        var kernels = KernelRegistry.Choose();
        return new Runner(() => kernels.Unary(UnaryFunction.Tanh, memory.X, memory.Y, ActivationRow, 0, 0), memory);
    }
}

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
