namespace SeqRuntime.Converter.Graph;

/// <summary>The elements along some axes in reverse order, as a Slice.</summary>
internal static class Reversal
{
    /// <summary>The inputs of the Slice.</summary>
    /// <param name="value">What is reversed.</param>
    /// <param name="axes">The axes.</param>
    /// <param name="constant">Makes a constant of the graph and returns its name.</param>
    public static string[] Inputs(string value, long[] axes, Func<IrTensor, string> constant)
    {
        string All(long number) => constant(IrTensor.Vector(Array.ConvertAll(axes, _ => number)));
        return [value, All(-1), All(long.MinValue), constant(IrTensor.Vector(axes)), All(-1)];
    }
}
