using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Model;

/// <summary>
/// One direction of a GRU, PyTorch's form and names (gates reset, update, new; the hidden bias of <c>new</c> inside the reset
/// product): r = σ(W_r x + U_r h), z = σ(W_z x + U_z h), n = tanh(W_n x + b_n + r ⊙ (U_n h + c_n)), h' = (1 − z) ⊙ n + z ⊙ h.
/// Cho et al. 2014, doi:10.3115/v1/D14-1179.
/// </summary>
internal sealed class GruCell : nn.Module
{
    private readonly Parameter _inputWeight;
    private readonly Parameter _hiddenWeight;
    private readonly Parameter _inputBias;
    private readonly Parameter _hiddenBias;
    private readonly Rounding _rounding;

    /// <param name="name">Name of the module.</param>
    /// <param name="inputs">Features of x.</param>
    /// <param name="hidden">Units.</param>
    /// <param name="suffix">Suffix of PyTorch's parameter names: l0, l0_reverse …</param>
    /// <param name="rounding">How activations are rounded.</param>
    public GruCell(string name, int inputs, int hidden, string suffix, Rounding rounding)
        : base(name)
    {
        var bound = 1 / Math.Sqrt(hidden);
        Parameter Uniform(params long[] shape) => new((rand(shape) * 2 - 1) * bound);
        _inputWeight = Uniform(3 * hidden, inputs);
        _hiddenWeight = Uniform(3 * hidden, hidden);
        _inputBias = Uniform(3 * hidden);
        _hiddenBias = Uniform(3 * hidden);
        _rounding = rounding;
        register_parameter($"weight_ih_{suffix}", _inputWeight);
        register_parameter($"weight_hh_{suffix}", _hiddenWeight);
        register_parameter($"bias_ih_{suffix}", _inputBias);
        register_parameter($"bias_hh_{suffix}", _hiddenBias);
    }

    /// <summary>The part of the gates that does not depend on the state, [..., 3 hidden], for all steps at once.</summary>
    public Tensor Project(Tensor x) => nn.functional.linear(_rounding.Measured(x), _inputWeight, _inputBias);

    /// <summary>A step: [N, 3 hidden] of <see cref="Project"/> and [N, hidden] to the new [N, hidden].</summary>
    public Tensor Step(Tensor projected, Tensor hidden)
    {
        var x = projected.chunk(3, -1);
        var h = nn.functional.linear(_rounding.Unit(hidden), _hiddenWeight, _hiddenBias).chunk(3, -1);
        var reset = (x[0] + h[0]).sigmoid();
        var update = (x[1] + h[1]).sigmoid();
        var candidate = (x[2] + reset * h[2]).tanh();
        return lerp(candidate, hidden, update);
    }
}
