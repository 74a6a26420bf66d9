namespace SeqRuntime.Converter.Importers.Description;

/// <summary>A chain of a binary operator over values, with broadcasting.</summary>
internal abstract record BinaryLayer : ManyLayer
{
    protected abstract string Operator { get; }

    public override void Emit(GraphComposer graph)
    {
        if (Inputs.Length < 2) throw graph.Fault($"it has {Inputs.Length} input{(Inputs.Length == 1 ? "" : "s")}; give at least 2");
        var value = graph.Read(Inputs[0]);
        foreach (var input in Inputs[1..^1]) value = graph.Op(Operator, [value, graph.Read(input)]);
        graph.Op(Operator, [value, graph.Read(Inputs[^1])], Output);
    }
}

/// <summary>Sum of values.</summary>
internal sealed record AddLayer : BinaryLayer
{
    protected override string Operator => "Add";
}

/// <summary>The first value minus the others.</summary>
internal sealed record SubtractLayer : BinaryLayer
{
    protected override string Operator => "Sub";
}

/// <summary>Product of values, element by element.</summary>
internal sealed record MultiplyLayer : BinaryLayer
{
    protected override string Operator => "Mul";
}

/// <summary>The first value divided by the others.</summary>
internal sealed record DivideLayer : BinaryLayer
{
    protected override string Operator => "Div";
}

/// <summary>The largest of the values, element by element.</summary>
internal sealed record MaximumLayer : BinaryLayer
{
    protected override string Operator => "Max";
}

/// <summary>The smallest of the values, element by element.</summary>
internal sealed record MinimumLayer : BinaryLayer
{
    protected override string Operator => "Min";
}

/// <summary>Matrix product of two values over their last two axes: [N, S, K] · [N, K, T]. <c>transpose</c> takes the second as [N, T, K].</summary>
internal sealed record MatmulLayer : ManyLayer
{
    public bool Transpose { get; set; }

    public override void Emit(GraphComposer graph)
    {
        if (Inputs.Length != 2) throw graph.Fault($"it has {Inputs.Length} input{(Inputs.Length == 1 ? "" : "s")}; give 2");
        var (a, b) = (graph.Read(Inputs[0]), graph.Read(Inputs[1]));
        if (!Transpose) graph.Op("MatMul", [a, b], Output);
        else graph.Op("Einsum", [a, b], Output, ("equation", "...ik,...jk->...ij"));
    }
}

/// <summary>A layer that reduces axes.</summary>
internal abstract record ReduceLayer : UnaryLayer
{
    /// <summary>The axis, or a list of axes. -1 is the last.</summary>
    public required System.Text.Json.JsonElement Axis { get; init; }

    /// <summary>Whether the axes remain with one element.</summary>
    public bool Keep { get; set; }

    protected abstract string Operator { get; }

    public override void Emit(GraphComposer graph) =>
        graph.Op(Operator, [graph.Read(Input), graph.Axes(graph.Integers(Axis, "axis"))], Output, ("keepdims", Keep ? 1L : 0L));
}

/// <summary>Mean over axes.</summary>
internal sealed record MeanLayer : ReduceLayer
{
    protected override string Operator => "ReduceMean";
}

/// <summary>Sum over axes.</summary>
internal sealed record SumLayer : ReduceLayer
{
    protected override string Operator => "ReduceSum";
}

/// <summary>The largest element over axes.</summary>
internal sealed record MaxLayer : ReduceLayer
{
    protected override string Operator => "ReduceMax";
}

/// <summary>The smallest element over axes.</summary>
internal sealed record MinLayer : ReduceLayer
{
    protected override string Operator => "ReduceMin";
}

/// <summary>The place of the largest element along an axis, as int64. The first one counts.</summary>
internal sealed record ArgmaxLayer : UnaryLayer
{
    public int Axis { get; set; } = -1;

    public bool Keep { get; set; }

    public override void Emit(GraphComposer graph) => graph.Op("ArgMax", [graph.Read(Input)], Output, ("axis", (long)Axis), ("keepdims", Keep ? 1L : 0L));
}
