using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>A tensor of a weight file. It is read on demand, so unused tensors cost nothing.</summary>
internal sealed class WeightTensor
{
    private readonly Lazy<IReadOnlyList<int>> _shape;
    private readonly Lazy<IrTensor> _value;

    /// <param name="name">Its name in the file.</param>
    /// <param name="shape">Reads its shape.</param>
    /// <param name="value">Reads its value.</param>
    public WeightTensor(string name, Func<IReadOnlyList<int>> shape, Func<IrTensor> value) =>
        (Name, _shape, _value) = (name, new Lazy<IReadOnlyList<int>>(shape), new Lazy<IrTensor>(value));

    public WeightTensor(string name, IrTensor value) : this(name, () => value.Shape, () => value)
    {
    }

    public string Name { get; }

    public IReadOnlyList<int> Shape => _shape.Value;

    /// <summary>The integer type in the file, if the value was converted to float. Null otherwise.</summary>
    public ElementType? Stored { get; init; }

    public IrTensor Value => _value.Value;
}
