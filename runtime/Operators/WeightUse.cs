namespace SeqRuntime.Operators;

/// <summary>What an operator does with an input that may be weights.</summary>
internal enum WeightUse : byte
{
    /// <summary>The input is not weights, or is a vector such as a bias.</summary>
    None,

    /// <summary>Rows or columns of it are looked up.</summary>
    Table,

    /// <summary>It multiplies another input.</summary>
    Product,

    /// <summary>It multiplies what the operator itself has computed, as R of a recurrent layer does.</summary>
    Recurrence,
}
