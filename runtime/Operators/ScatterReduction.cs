using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>How an update is combined with the present element.</summary>
internal enum ScatterReduction
{
    None,
    Add,
    Mul,
    Max,
    Min,
}

/// <summary>The Reduction attribute of ScatterElements and ScatterND. Integers wrap around. Max and Min are the kernels'.</summary>
internal static class ScatterReductions
{
    public static ScatterReduction Parse(Attributes attributes) => attributes.String(AttributeKey.Reduction, "none") switch
    {
        "none" => ScatterReduction.None,
        "add" => ScatterReduction.Add,
        "mul" => ScatterReduction.Mul,
        "max" => ScatterReduction.Max,
        "min" => ScatterReduction.Min,
        var other => throw OperatorError.Attribute($"Reduction '{other}' is unknown; it must be none, add, mul, max or min."),
    };

    /// <summary>Checks that data and updates have one type, and that it is numeric if they are combined.</summary>
    public static void Check(ScatterReduction reduction, Tensor data, Tensor updates)
    {
        Require.Dense(updates, data.Type);
        if (reduction != ScatterReduction.None && data.Type == ElementType.Bool) throw OperatorError.Type(data, $"numbers for reduction {reduction}");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static T Join<T>(ScatterReduction reduction, T old, T update)
        where T : unmanaged, INumber<T> => reduction switch
        {
            ScatterReduction.Add => old + update,
            ScatterReduction.Mul => old * update,
            ScatterReduction.Max => old > update ? old : update,
            ScatterReduction.Min => old < update ? old : update,
            _ => update,
        };
}
