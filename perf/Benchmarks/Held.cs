using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Benchmarks;

/// <summary>The one program that a benchmark is about.</summary>
internal sealed class Held
{
    private Runner? _runner;

    public void Start(Runner runner) => _runner = runner;

    public void Run() => _runner!.Run();

    public void Stop()
    {
        _runner?.Dispose();
        _runner = null;
    }
}
