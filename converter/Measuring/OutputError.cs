namespace SeqRuntime.Converter.Measuring;

/// <summary>The error of one output against fp32, over all samples.</summary>
/// <param name="Name">Name of the output.</param>
/// <param name="Elements">Number of elements compared: those that are finite in both.</param>
/// <param name="Rms">Root mean square of the output in fp32. Null where <paramref name="RelativeRms"/> is.</param>
/// <param name="RelativeRms">‖q − f‖ / ‖f‖, where f is the output in fp32 and q the same with rounded weights. Null for integers, and if nothing was compared.</param>
/// <param name="Worst">The largest |q − f|, divided by the root mean square of f. Null where <paramref name="RelativeRms"/> is.</param>
/// <param name="Agreement">Share of equal choices. Null if the output is no choice.</param>
/// <param name="Choice">What is chosen, in words. Null if the output is no choice.</param>
/// <param name="NotFinite">Elements that are finite in fp32 only.</param>
/// <param name="NotFiniteExact">Elements that are infinite or NaN in fp32. They are not compared.</param>
/// <param name="Drift">Relative RMS over time: of the steps of each sequence the first eighth, the second, and so on. Empty if there are fewer than eight steps.</param>
internal sealed record OutputError(string Name, long Elements, double? Rms, double? RelativeRms, double? Worst, double? Agreement, string? Choice, long NotFinite, long NotFiniteExact, IReadOnlyList<double> Drift)
{
    /// <summary>What a promise limits: the relative RMS error, or the share of other values where the output holds integers. Null if nothing was compared.</summary>
    public double? Difference => RelativeRms ?? (Agreement is { } agreement ? 1 - agreement : null);
}

/// <summary>
/// Adds up the error of an output, step by step, so that no output is kept. Sums are in double and in the order of the steps: equal bits give equal
/// figures.
/// </summary>
/// <param name="name">Name of the output.</param>
/// <param name="choice">Whether the output is a choice.</param>
internal sealed class ErrorSum(string name, OutputChoice choice)
{
    /// <summary>Parts of a sequence in <see cref="OutputError.Drift"/>.</summary>
    public const int Parts = 8;

    private readonly double[] _partErrors = new double[Parts];
    private readonly double[] _partSquares = new double[Parts];
    private double _errors;
    private double _squares;
    private double _largest;
    private long _elements;
    private long _choices;
    private long _equal;
    private long _notFinite;
    private long _notFiniteExact;
    private bool _isOverTime;

    /// <summary>Adds elements of one moment.</summary>
    /// <param name="exact">In fp32.</param>
    /// <param name="rounded">With rounded weights.</param>
    /// <param name="part">Which part of the sequence it is. -1 if the sequence is not cut.</param>
    public void Add(ReadOnlySpan<float> exact, ReadOnlySpan<float> rounded, int part)
    {
        double errors = 0, squares = 0;
        for (var i = 0; i < exact.Length; i++)
        {
            var (f, q) = (exact[i], rounded[i]);
            if (!float.IsFinite(f)) _notFiniteExact++;
            else if (!float.IsFinite(q)) _notFinite++;
            else
            {
                var error = (double)q - f;
                errors += error * error;
                squares += (double)f * f;
                _largest = Math.Max(_largest, Math.Abs(error));
                _elements++;
            }
        }

        _errors += errors;
        _squares += squares;
        if (part < 0) return;
        _isOverTime = true;
        _partErrors[part] += errors;
        _partSquares[part] += squares;
    }

    /// <summary>Adds the choices of an output.</summary>
    /// <param name="exact">The output in fp32.</param>
    /// <param name="rounded">The output with rounded weights.</param>
    /// <param name="shape">Its shape.</param>
    public void AddChoices(ReadOnlySpan<float> exact, ReadOnlySpan<float> rounded, ReadOnlySpan<int> shape)
    {
        if (choice == OutputChoice.Half)
        {
            for (var i = 0; i < exact.Length; i++) Count(exact[i] >= 0.5f == rounded[i] >= 0.5f);
        }
        else if (choice == OutputChoice.Largest)
        {
            var axis = shape.Length - 1;
            while (axis > 0 && shape[axis] == 1) axis--;
            int classes = axis < 0 ? 1 : shape[axis], inner = 1;
            for (var i = axis + 1; i < shape.Length; i++) inner *= shape[i];
            for (var at = 0; classes > 1 && at + classes * inner <= exact.Length; at += classes * inner)
            {
                for (var i = 0; i < inner; i++) Count(Largest(exact[(at + i)..], classes, inner) == Largest(rounded[(at + i)..], classes, inner));
            }
        }
    }

    /// <summary>Adds integers, which are equal or not.</summary>
    public void AddIntegers(ReadOnlySpan<byte> exact, ReadOnlySpan<byte> rounded, int size)
    {
        for (var i = 0; i + size <= exact.Length; i += size) Count(exact.Slice(i, size).SequenceEqual(rounded.Slice(i, size)));
    }

    public OutputError Result() => new(
        name,
        _elements,
        _elements == 0 ? null : Math.Sqrt(_squares / _elements),
        _elements == 0 ? null : Ratio(_errors, _squares),
        _elements == 0 ? null : _largest == 0 ? 0 : _largest / Math.Sqrt(_squares / _elements),
        _choices == 0 ? null : (double)_equal / _choices,
        _choices == 0 ? null : choice.InWords(),
        _notFinite,
        _notFiniteExact,
        _isOverTime && Array.TrueForAll(_partSquares, s => s > 0) ? [.. _partErrors.Zip(_partSquares, Ratio)] : []);

    /// <summary>The part of a sequence that a step belongs to. -1 if it has too few steps.</summary>
    public static int PartOf(long step, long steps) => steps < Parts ? -1 : (int)(step * Parts / steps);

    private static double Ratio(double errors, double squares) => errors == 0 ? 0 : Math.Sqrt(errors / squares);

    private void Count(bool isEqual)
    {
        _choices++;
        if (isEqual) _equal++;
    }

    /// <summary>The first of the largest numbers.</summary>
    private static int Largest(ReadOnlySpan<float> row, int count, int stride)
    {
        var best = 0;
        for (var i = 1; i < count; i++)
        {
            if (row[i * stride] > row[best * stride]) best = i;
        }

        return best;
    }
}
