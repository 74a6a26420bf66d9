namespace SeqRuntime.Converter.Graph;

/// <summary>Attributes of nodes that are the converter's own: one room leaves them for another, and no file has them.</summary>
internal static class IrMarks
{
    /// <summary>The node's weights are a transform's, not a model's: they are never quantized.</summary>
    public const string ExactWeights = "~exact_weights";

    /// <summary>The node looks up a table that takes an embedding's place and stays fp32; the value is the embedding's name.</summary>
    public const string ExactTable = "~exact_table";

    /// <summary>
    /// The node's output has the shape of the input that the value numbers: weights that are stretched along a value's axes must not
    /// stretch the value along theirs.
    /// </summary>
    public const string KeepsShapeOf = "~keeps_shape_of";
}
