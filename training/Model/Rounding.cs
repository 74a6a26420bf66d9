using TorchSharp;
using static TorchSharp.torch;
using PackedProduct = SeqRuntime.Operators.PackedProduct;

namespace SeqRuntime.Training.Model;

/// <summary>
/// Fake quantization of activations, with the runtime's rounding before an int8 product. The forward pass rounds; the backward pass
/// takes the gradient without rounding (straight-through estimator, Bengio et al. 2013, arXiv:1308.3432). Off at first.
/// </summary>
internal sealed class Rounding
{
    // Kept in fields: the library frees a number that is converted for a call, and the call may still read it.
    private static readonly Scalar s_steps = 127, s_negative = -127, s_steepSquared = PackedProduct.Steep * PackedProduct.Steep, s_least = 1e-30;

    /// <summary>Whether activations are rounded.</summary>
    public bool Active { get; set; }

    /// <summary>Rounds values within (-1, 1), such as a recurrent state, to multiples of 1/127.</summary>
    public Tensor Unit(Tensor x) => Active ? StraightThrough(x, (x * s_steps).round_().clamp_(s_negative, s_steps) / s_steps) : x;

    /// <summary>
    /// Rounds each row to 127 steps of its largest magnitude. If the row is steep (this magnitude exceeds <see cref="PackedProduct.Steep"/> times
    /// the root mean square of the rounded row), the runtime multiplies two int8 parts; the error of the first rounding is then rounded to 127 steps of its own range.
    /// </summary>
    public Tensor Measured(Tensor x)
    {
        if (!Active) return x;
        using var _ = no_grad();
        var largest = x.abs().amax([-1L], keepdim: true).clamp_min(s_least);
        var steps = Steps(x, largest);
        var first = steps * (largest / s_steps);
        var rest = x - first;
        var range = rest.abs().amax([-1L], keepdim: true).clamp_min(s_least);
        var second = first + Steps(rest, range) * (range / s_steps);
        using Scalar bound = 127f * 127f * x.shape[^1];
        var steep = (steps * steps).sum([-1L], keepdim: true) * s_steepSquared < bound;
        var rounded = where(steep, second, first);
        return StraightThrough(x, rounded);
    }

    private static Tensor Steps(Tensor x, Tensor largest) => (x * (s_steps / largest)).round();

    private static Tensor StraightThrough(Tensor x, Tensor rounded)
    {
        using var _ = enable_grad();
        return x + (rounded - x).detach();
    }
}
