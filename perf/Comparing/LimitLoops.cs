using SeqRuntime.Perf.Limits;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Comparing;

/// <summary>The machine's limit for a piece of work: reading its weights, or multiplying, whichever takes longer.</summary>
internal sealed class LimitLoops(Need need) : IDisposable
{
    private readonly ReadLoop _read = new(need.Bytes, ReadLoop.Usual);
    private readonly MultiplyLoop _multiply = need.IsInt8 ? MultiplyLoop.Int8 : MultiplyLoop.Float32;

    /// <summary>What to time.</summary>
    public Action[] Works => [() => _read.Run(need.Times), () => _multiply.Run(need.Macs)];

    /// <summary>The longer of the two; both need not be known.</summary>
    public BlockTimes Longer(BlockTimes read, BlockTimes multiply) =>
        need.Times == 0 || (need.Macs > 0 && multiply.Median > read.Median) ? multiply : read;

    public void Dispose() => _read.Dispose();
}
