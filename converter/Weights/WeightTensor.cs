using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>A tensor of a weight file, read when it is asked for: what nothing names costs nothing.</summary>
internal sealed class WeightTensor
{
    private readonly Lazy<IReadOnlyList<int>> _shape;
    private readonly Lazy<IrTensor> _value;

    /// <param name="name">Its name in the file.</param>
    /// <param name="shape">Reads its shape.</param>
    /// <param name="value">Reads it.</param>
    public WeightTensor(string name, Func<IReadOnlyList<int>> shape, Func<IrTensor> value) =>
        (Name, _shape, _value) = (name, new Lazy<IReadOnlyList<int>>(shape), new Lazy<IrTensor>(value));

    public WeightTensor(string name, IrTensor value) : this(name, () => value.Shape, () => value)
    {
    }

    public string Name { get; }

    public IReadOnlyList<int> Shape => _shape.Value;

    /// <summary>The integers that the file holds where the value is made of them as floats; null where it is as in the file.</summary>
    public ElementType? Stored { get; init; }

    public IrTensor Value => _value.Value;
}
