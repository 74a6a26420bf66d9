using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>An activation of a recurrent layer with its constants.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly record struct RecurrentActivation(UnaryFunction Function, float Alpha, float Beta)
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public unsafe void Apply(KernelSet kernels, float* x, float* y, nint n) => kernels.Unary(Function, x, y, n, Alpha, Beta);
}

/// <summary>
/// The activations that ONNX lists for RNN, LSTM and GRU, by their names (in any case): f(x) =
/// Relu max(0, x) · Tanh · Sigmoid · Affine αx + β · LeakyRelu x or αx · ThresholdedRelu x where x &gt; α, else 0 ·
/// ScaledTanh α·tanh(βx) · HardSigmoid min(max(αx + β, 0), 1) · Elu x or α(eˣ - 1) · Softsign x/(1 + |x|) · Softplus log(1 + eˣ).
/// Others that Keras has: Selu, Celu, Gelu, Swish x·σ(αx), HardSwish, Mish, Exp, Clip min(max(x, α), β).
/// </summary>
internal static class RecurrentActivations
{
    /// <summary>Parses names and constants of all directions.</summary>
    /// <param name="attributes">Activations: names separated by commas, or missing for <paramref name="defaults"/> in each direction. ActivationAlpha, ActivationBeta: one constant a function, NaN or missing for its default.</param>
    /// <param name="directions">Directions.</param>
    /// <param name="defaults">Functions of one direction when none are named.</param>
    public static RecurrentActivation[] Parse(Attributes attributes, int directions, params UnaryFunction[] defaults)
    {
        var text = attributes.String(AttributeKey.Activations, "");
        var names = text.Length == 0 ? [] : text.Split(',', StringSplitOptions.TrimEntries);
        var alpha = attributes.Floats(AttributeKey.ActivationAlpha);
        var beta = attributes.Floats(AttributeKey.ActivationBeta);
        var result = new RecurrentActivation[directions * defaults.Length];
        if (names.Length != 0 && names.Length != result.Length)
            throw OperatorError.Attribute($"{names.Length} activations '{text}' are given; {directions} direction(s) need {result.Length}.");
        for (var i = 0; i < result.Length; i++)
        {
            var function = names.Length == 0 ? defaults[i % defaults.Length] : Function(names[i]);
            var (defaultAlpha, defaultBeta) = Defaults(function);
            result[i] = new RecurrentActivation(function, Constant(alpha, i, defaultAlpha), Constant(beta, i, defaultBeta));
        }

        return result;
    }

    private static UnaryFunction Function(string name) => name.ToUpperInvariant() switch
    {
        "RELU" => UnaryFunction.Relu,
        "TANH" => UnaryFunction.Tanh,
        "SIGMOID" => UnaryFunction.Sigmoid,
        "AFFINE" => UnaryFunction.Affine,
        "LEAKYRELU" => UnaryFunction.LeakyRelu,
        "THRESHOLDEDRELU" => UnaryFunction.ThresholdedRelu,
        "SCALEDTANH" => UnaryFunction.ScaledTanh,
        "HARDSIGMOID" => UnaryFunction.HardSigmoid,
        "ELU" => UnaryFunction.Elu,
        "SOFTSIGN" => UnaryFunction.Softsign,
        "SOFTPLUS" => UnaryFunction.Softplus,
        "SELU" => UnaryFunction.Selu,
        "CELU" => UnaryFunction.Celu,
        "GELU" => UnaryFunction.Gelu,
        "SWISH" => UnaryFunction.Swish,
        "HARDSWISH" => UnaryFunction.HardSwish,
        "MISH" => UnaryFunction.Mish,
        "EXP" => UnaryFunction.Exp,
        "CLIP" => UnaryFunction.Clip,
        _ => throw OperatorError.Attribute($"Activation '{name}' is not supported in recurrent layers; use one that ONNX lists for them."),
    };

    private static (float Alpha, float Beta) Defaults(UnaryFunction function) => function switch
    {
        UnaryFunction.LeakyRelu => (0.01f, 0),
        UnaryFunction.HardSigmoid => (0.2f, 0.5f),
        UnaryFunction.ScaledTanh => (1, 1),
        UnaryFunction.Selu => (1.67326319217681884765625f, 1.05070102214813232421875f),
        UnaryFunction.Clip => (float.NegativeInfinity, float.PositiveInfinity),
        _ => (1, 0),
    };

    private static float Constant(float[] values, int index, float otherwise) =>
        index < values.Length && !float.IsNaN(values[index]) ? values[index] : otherwise;
}
