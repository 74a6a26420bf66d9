using System.Globalization;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>The Keras version that wrote a file, where the layers' results depend on it.</summary>
/// <param name="Major">2 or 3.</param>
/// <param name="Minor">The second number of the version.</param>
/// <param name="IsOfTensorFlow">Whether it is TensorFlow's Keras 2. Up to version 2.4 it writes a suffix.</param>
/// <param name="IsTheano">Whether its backend was Theano, whose convolutions reverse their kernels.</param>
internal sealed record KerasVersion(int Major, int Minor, bool IsOfTensorFlow, bool IsTheano)
{
    /// <summary>The version of files that name none, where only the newest versions write such files.</summary>
    public const string Newest = "3.99.0";

    /// <param name="version">The attribute <c>keras_version</c>, or null.</param>
    /// <param name="backend">The attribute <c>backend</c>, or null.</param>
    public static KerasVersion Parse(string? version, string? backend)
    {
        var parts = (version ?? "2.15").Split('.', '-');
        int Part(int index) => index < parts.Length && int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        var (major, minor) = (Part(0), Part(1));
        return new KerasVersion(major, minor, version?.EndsWith("-tf", StringComparison.Ordinal) == true || (major == 2 && minor >= 4), backend == "theano");
    }

    /// <summary>The slope of the hard sigmoid: x/6 + 1/2 in Keras 3, x/5 + 1/2 before. Both are clipped to [0, 1].</summary>
    public float HardSigmoidSlope => Major >= 3 ? 1f / 6 : 0.2f;

    /// <summary>Whether Bidirectional gives zeros at masked steps. Keras 2 without TensorFlow repeats the previous output instead.</summary>
    public bool ZeroesMaskedSteps => Major >= 3 || IsOfTensorFlow;

    /// <summary>Since 3.4, a merged value counts where any input counts, and it has a mask only if all inputs have one.</summary>
    public bool MergesMasksByAny => Major > 3 || (Major == 3 && Minor >= 4);
}
