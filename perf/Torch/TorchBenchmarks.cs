using BenchmarkDotNet.Attributes;
using SeqRuntime.Perf.Benchmarks;
using TorchSharp;

namespace SeqRuntime.Perf.Torch;

/// <summary>
/// The LSTM of perf's own suite compared with TorchSharp in fp32, one thread, no gradients. TorchSharp packs an LSTM's fp32 weights again in
/// every call, so its time for one step does not measure its products.
/// </summary>
public class TorchLstmBenchmarks() : LayerBenchmarks("LSTM")
{
    private TorchLayer? _layer;

    [Benchmark]
    public void TorchSharp() => _layer!.Run();

    [GlobalSetup(Target = nameof(TorchSharp))]
    public void StartTorchSharp() => _layer = TorchLayer.Lstm(Units, Steps);

    [GlobalCleanup(Target = nameof(TorchSharp))]
    public void StopTorchSharp() => _layer!.Dispose();
}

/// <summary>The GRU compared with TorchSharp.</summary>
public class TorchGruBenchmarks() : LayerBenchmarks("GRU")
{
    private TorchLayer? _layer;

    [Benchmark]
    public void TorchSharp() => _layer!.Run();

    [GlobalSetup(Target = nameof(TorchSharp))]
    public void StartTorchSharp() => _layer = TorchLayer.Gru(Units, Steps);

    [GlobalCleanup(Target = nameof(TorchSharp))]
    public void StopTorchSharp() => _layer!.Dispose();
}

/// <summary>One recurrent layer of TorchSharp whose states are fed back.</summary>
internal sealed class TorchLayer : IDisposable
{
    private readonly torch.nn.Module _module;
    private readonly Func<torch.Tensor, torch.Tensor[], (torch.Tensor Y, torch.Tensor[] States)> _step;
    private readonly torch.Tensor _x;
    private torch.Tensor[] _states;

    private TorchLayer(torch.nn.Module module, int units, int steps, int states, Func<torch.Tensor, torch.Tensor[], (torch.Tensor Y, torch.Tensor[] States)> step)
    {
        _module = module;
        _step = step;
        _module.eval();
        _x = torch.full([steps, 1, units], 0.1f);
        _states = [.. Enumerable.Range(0, states).Select(_ => torch.zeros([1, 1, units]))];
    }

    public static TorchLayer Lstm(int units, int steps)
    {
        var module = torch.nn.LSTM(units, units);
        return new TorchLayer(module, units, steps, 2, (x, states) =>
        {
            var (y, h, c) = module.call(x, (states[0], states[1]));
            return (y, [h, c]);
        });
    }

    public static TorchLayer Gru(int units, int steps)
    {
        var module = torch.nn.GRU(units, units);
        return new TorchLayer(module, units, steps, 1, (x, states) =>
        {
            var (y, h) = module.call(x, states[0]);
            return (y, [h]);
        });
    }

    public void Run()
    {
        using var noGradients = torch.no_grad();
        var (y, states) = _step(_x, _states);
        y.Dispose();
        foreach (var state in _states) state.Dispose();
        _states = states;
    }

    public void Dispose()
    {
        foreach (var state in _states) state.Dispose();
        _x.Dispose();
        _module.Dispose();
    }
}
