using System.Numerics;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>How an update joins the element that it meets.</summary>
internal enum ScatterReduction
{
    None,
    Add,
    Mul,
    Max,
    Min,
}

/// <summary>The Reduction attribute of ScatterElements and ScatterND. Integers wrap around; Max and Min are the kernels' own.</summary>
internal static class ScatterReductions
{
    public static ScatterReduction Parse(Attributes attributes) => attributes.String(AttributeKey.Reduction, "none") switch
    {
        "none" => ScatterReduction.None,
        "add" => ScatterReduction.Add,
        "mul" => ScatterReduction.Mul,
        "max" => ScatterReduction.Max,
        "min" => ScatterReduction.Min,
        var other => throw OperatorError.Attribute($"Reduction '{other}' is none of none, add, mul, max, min."),
    };

    /// <summary>Data and updates of one type, of numbers where they are joined.</summary>
    public static void Check(ScatterReduction reduction, Tensor data, Tensor updates)
    {
        Require.Dense(updates, data.Type);
        if (reduction != ScatterReduction.None && data.Type == ElementType.Bool) throw OperatorError.Type(data, $"numbers for reduction {reduction}");
    }

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
