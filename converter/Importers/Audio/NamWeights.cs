using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>The one list of weights of a .nam file, read from its beginning to its end.</summary>
internal sealed class NamWeights(float[] weights)
{
    private int _at;

    /// <summary>The next numbers.</summary>
    /// <param name="count">How many.</param>
    /// <param name="what">What they are, for messages.</param>
    public ReadOnlyMemory<float> TakeMemory(long count, string what)
    {
        if (count > weights.Length - _at) throw new ConversionException($"'weights' has {weights.Length} numbers, which end in {what}: it needs {count} and {weights.Length - _at} are left; so 'config' and 'weights' do not belong together");
        _at += (int)count;
        return weights.AsMemory(_at - (int)count, (int)count);
    }

    public float[] Take(long count, string what) => TakeMemory(count, what).ToArray();

    public IrTensor Tensor(string what, params int[] shape) => IrTensor.Of<float>(shape, Take(shape.Aggregate(1L, (count, size) => count > int.MaxValue ? count : count * size), what));

    /// <summary>Checks that nothing is left.</summary>
    public void End(string architecture)
    {
        if (_at < weights.Length) throw new ConversionException($"'weights' has {weights.Length} numbers, but the {architecture} that 'config' describes takes {_at}; they do not belong together");
    }
}
