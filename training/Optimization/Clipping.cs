using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Optimization;

/// <summary>
/// Gradient clipping. By value: each element is clipped to [-limit, limit], which may change the direction (Mikolov 2012). By norm: a
/// gradient longer than the limit is scaled down to it and keeps its direction (Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063). Both may
/// be on; clipping by value comes first.
/// </summary>
/// <param name="Value">Largest magnitude of an element; null for off.</param>
/// <param name="Norm">Largest Euclidean norm of the gradient of all parameters together. Null for off.</param>
internal sealed record Clipping(double? Value, double? Norm)
{
    /// <summary>Nothing is clipped.</summary>
    public static Clipping Off { get; } = new(null, null);

    /// <summary>Clips the gradients in place and returns their norm before clipping.</summary>
    public double Apply(IReadOnlyCollection<Parameter> parameters)
    {
        var before = GradientNorm(parameters);
        if (Value is { } value) nn.utils.clip_grad_value_(parameters, value);
        if (Norm is { } norm) nn.utils.clip_grad_norm_(parameters, norm);
        return before;
    }

    /// <summary>Euclidean norm of all gradients together.</summary>
    public static double GradientNorm(IEnumerable<Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var squares = parameters.Select(p => p.grad).OfType<Tensor>().Select(g => (g * g).sum()).ToArray();
        return squares.Length == 0 ? 0 : Math.Sqrt(stack(squares).sum().item<float>());
    }
}
