using System.Globalization;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Which Keras wrote a file, as far as its layers compute otherwise by version.</summary>
/// <param name="Major">2 or 3.</param>
/// <param name="Minor">The number after it.</param>
/// <param name="IsOfTensorFlow">Keras 2 as a part of TensorFlow, which writes a suffix until its version 2.4.</param>
/// <param name="IsTheano">Its backend was Theano, whose convolutions turn their kernels around.</param>
internal sealed record KerasVersion(int Major, int Minor, bool IsOfTensorFlow, bool IsTheano)
{
    /// <param name="version">The attribute <c>keras_version</c>, if there is one.</param>
    /// <param name="backend">The attribute <c>backend</c>, if there is one.</param>
    public static KerasVersion Parse(string? version, string? backend)
    {
        var parts = (version ?? "2.15").Split('.', '-');
        int Part(int index) => index < parts.Length && int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        var (major, minor) = (Part(0), Part(1));
        return new KerasVersion(major, minor, version?.EndsWith("-tf", StringComparison.Ordinal) == true || (major == 2 && minor >= 4), backend == "theano");
    }

    /// <summary>Keras 3's hard sigmoid is x/6 + 1/2, older ones' x/5 + 1/2, both cut to [0, 1].</summary>
    public float HardSigmoidSlope => Major >= 3 ? 1f / 6 : 0.2f;

    /// <summary>Bidirectional gives zeros where a step does not count; Keras apart from TensorFlow repeated the output before it there too.</summary>
    public bool ZeroesMaskedSteps => Major >= 3 || IsOfTensorFlow;

    /// <summary>From 3.4 on merged values count where one of them does, and have a mask only if all have one.</summary>
    public bool MergesMasksByAny => Major > 3 || (Major == 3 && Minor >= 4);
}
