namespace SeqRuntime.Perf.Boards;

/// <summary>A board whose speed is estimated from cycles of its core's model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Core">The core, as in <c>perf/arm/cycles.json</c>.</param>
/// <param name="Slow">GHz of the board's slowest version.</param>
/// <param name="Fast">GHz of its fastest version.</param>
/// <param name="Memory">GB/s that one core reads from memory: twice the rate of memcpy that sbc-bench publishes, because it reads and writes.</param>
internal sealed record Board(string Name, string Core, double Slow, double Fast, double Memory)
{
    public static IReadOnlyList<Board> All { get; } =
    [
        new("Raspberry Pi 3 B+", "Cortex-A53", 1.4, 1.4, 2.2),
        new("Raspberry Pi 4", "Cortex-A72", 1.5, 1.8, 5.3),
        new("Raspberry Pi 5", "Cortex-A76", 2.4, 2.4, 12),
    ];

    /// <summary>From the time with all data in the first cache to the time with every weight from memory, read before it is used.</summary>
    public (double Least, double Most) Microseconds(double cycles, double weights) => (cycles / Fast / 1e3, cycles / Slow / 1e3 + weights / Memory / 1e3);
}
