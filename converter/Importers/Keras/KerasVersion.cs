using System.Globalization;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>The Keras version that wrote a file, where the layers' results depend on it. What its methods tell goes into <see cref="Note"/> if the version is guessed.</summary>
/// <param name="Major">2 or 3.</param>
/// <param name="Minor">The second number of the version.</param>
/// <param name="IsOfTensorFlow">Whether it is TensorFlow's Keras 2. Up to version 2.4 it writes a suffix.</param>
/// <param name="IsTheano">Whether its backend was Theano, whose convolutions reverse their kernels.</param>
/// <param name="IsGuessed">Whether the file names no version.</param>
internal sealed record KerasVersion(int Major, int Minor, bool IsOfTensorFlow, bool IsTheano, bool IsGuessed)
{
    private const string Otherwise = "2.15";

    private readonly SortedSet<string> _decided = new(StringComparer.Ordinal);

    /// <summary>The version of files that name none, where only the newest versions write such files.</summary>
    public const string Newest = "3.99.0";

    /// <param name="version">The attribute <c>keras_version</c>, or null.</param>
    /// <param name="backend">The attribute <c>backend</c>, or null.</param>
    public static KerasVersion Parse(string? version, string? backend)
    {
        var parts = (version ?? Otherwise).Split('.', '-');
        int Part(int index) => index < parts.Length && int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        var (major, minor) = (Part(0), Part(1));
        return new KerasVersion(major, minor, version?.EndsWith("-tf", StringComparison.Ordinal) == true || (major == 2 && minor >= 4), backend == "theano", version is null);
    }

    /// <summary>What a version that the file does not name decided. Null if it decided nothing.</summary>
    public string? Note => _decided.Count == 0 ? null : $"the file does not say which version of Keras wrote it; it is read as Keras {Otherwise}, which decides {string.Join(" and ", _decided)}. If another version wrote it, save the whole model again with that version (model.save)";

    /// <summary>Whether it may have lost the weights of one direction in .h5 files: 3.0 and 3.1 gave both the same names.</summary>
    public bool LosesDirections => Major == 3 && Minor < 2;

    /// <summary>The slope of the hard sigmoid: x/6 + 1/2 in Keras 3, x/5 + 1/2 before. Both are clipped to [0, 1].</summary>
    public float TellHardSigmoidSlope()
    {
        AddToNote("the slope of hard_sigmoid");
        return Major >= 3 ? 1f / 6 : 0.2f;
    }

    /// <summary>Whether Bidirectional gives zeros at masked steps. Keras 2 without TensorFlow repeats the previous output instead.</summary>
    public bool TellZeroesMaskedSteps()
    {
        AddToNote("what Bidirectional gives at masked steps");
        return Major >= 3 || IsOfTensorFlow;
    }

    /// <summary>Since 3.4, a merged value counts where any input counts, and it has a mask only if all inputs have one.</summary>
    public bool TellMergesMasksByAny()
    {
        AddToNote("how merged values are masked");
        return Major > 3 || (Major == 3 && Minor >= 4);
    }

    /// <summary>
    /// Whether a bilinear UpSampling2D interpolates between the centres of elements, as TensorFlow does since 1.14. Keras by itself, up to 2.3,
    /// takes the places of the results times the factor, as TensorFlow 1 did.
    /// </summary>
    public bool TellInterpolatesCentres()
    {
        AddToNote("between which places UpSampling2D interpolates");
        return Major >= 3 || IsOfTensorFlow;
    }

    /// <summary>Whether TensorFlow 1.13 may have written it, which interpolates like TensorFlow 1 and has the version of the next ones.</summary>
    public bool MayInterpolateCorners => IsOfTensorFlow && Major == 2 && Minor < 3;

    private void AddToNote(string what)
    {
        if (IsGuessed) _decided.Add(what);
    }
}
