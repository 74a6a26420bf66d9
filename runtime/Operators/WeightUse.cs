namespace SeqRuntime.Operators;

/// <summary>How an operator uses an input that may be weights.</summary>
internal enum WeightUse : byte
{
    /// <summary>The input is not weights, or is a vector such as a bias.</summary>
    None,

    /// <summary>Its rows or columns are looked up.</summary>
    Table,

    /// <summary>It multiplies another input.</summary>
    Product,

    /// <summary>It multiplies a value that the operator itself computed, like R of a recurrent layer.</summary>
    Recurrence,
}
