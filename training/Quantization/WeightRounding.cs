using SeqRuntime.Converter.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Quantization;

/// <summary>
/// Fake quantization of weights. While it is active, each matrix that the converter would store as int8 holds values rounded by the
/// converter's own quantizer. Disposing restores the exact values. Gradients computed meanwhile are applied to the exact weights: the
/// straight-through estimator.
/// </summary>
internal sealed class WeightRounding : IDisposable
{
    private readonly List<(Parameter Parameter, Tensor Exact)> _exact = [];

    private WeightRounding(nn.Module model)
    {
        using var _ = no_grad();
        foreach (var parameter in model.parameters())
        {
            if (parameter.shape is not [var rows, var columns] || rows * columns < WeightChoice.SmallestQuantized) continue;
            var values = parameter.data<float>().ToArray();
            Quantizer.RoundInt8(values, (int)rows, (int)columns);
            var exact = parameter.detach().clone();
            _exact.Add((parameter, exact.DetachFromDisposeScope()));
            using var rounded = tensor(values, parameter.shape);
            parameter.copy_(rounded);
        }
    }

    /// <summary>Rounds the weights until disposed. Null if not <paramref name="wanted"/>.</summary>
    public static WeightRounding? Apply(nn.Module model, bool wanted) => wanted ? new WeightRounding(model) : null;

    public void Dispose()
    {
        using var _ = no_grad();
        foreach (var (parameter, exact) in _exact)
        {
            parameter.copy_(exact);
            exact.Dispose();
        }
    }
}
