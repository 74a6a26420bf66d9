namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Element types, by the numbers of TensorFlow Lite's schema.</summary>
internal enum TfliteType
{
    Float32 = 0, Float16 = 1, Int32 = 2, UInt8 = 3, Int64 = 4, String = 5, Bool = 6, Int16 = 7, Complex64 = 8, Int8 = 9, Float64 = 10, Complex128 = 11, UInt64 = 12, Resource = 13, Variant = 14, UInt32 = 15, UInt16 = 16,
    Int4 = 17, BFloat16 = 18,
}

/// <summary>A model: its subgraphs, of which the first is the main one unless signatures say otherwise.</summary>
/// <param name="Path">The file.</param>
/// <param name="Subgraphs">Its subgraphs.</param>
/// <param name="Signatures">Its signatures.</param>
/// <param name="Notes">What the file says besides.</param>
internal sealed record TfliteModel(string Path, IReadOnlyList<TfliteSubgraph> Subgraphs, IReadOnlyList<TfliteSignature> Signatures, IReadOnlyList<string> Notes);

/// <summary>A function that the model exports, with names for the tensors of a subgraph.</summary>
internal sealed record TfliteSignature(string Key, int Subgraph, IReadOnlyList<(string Name, int Tensor)> Inputs, IReadOnlyList<(string Name, int Tensor)> Outputs);

/// <summary>Tensors, and the operators over them in execution order.</summary>
internal sealed record TfliteSubgraph(int Index, string Name, TfliteTensor[] Tensors, int[] Inputs, int[] Outputs, TfliteOperator[] Operators);

/// <summary>A tensor. It is a constant if it has data.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its sizes in the file.</param>
/// <param name="Signature">The same, with -1 for sizes that are open. Empty if none is.</param>
/// <param name="Data">Its elements.</param>
/// <param name="Steps">The numbers that its integers stand for. Null if they stand for themselves.</param>
/// <param name="IsVariable">Whether it keeps its value from run to run.</param>
/// <param name="IsInBlocks">Whether its data is scaled in blocks.</param>
/// <param name="Sparsity">Where its elements belong if it stores only some. Null for most.</param>
internal sealed record TfliteTensor(string Name, TfliteType Type, int[] Shape, int[] Signature, ReadOnlyMemory<byte> Data, TfliteSteps? Steps, bool IsVariable, bool IsInBlocks, TfliteSparsity? Sparsity)
{
    public int Rank => Shape.Length;

    /// <summary>The number of its elements, or the largest that there can be.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => Math.Min(a * b, int.MaxValue));

    public bool IsConstant => Data.Length > 0 || (Shape.Contains(0) && Signature.Length == 0);

    /// <summary>Whether a value is a number with fractions.</summary>
    public bool IsReal => Steps is not null || Type is TfliteType.Float32 or TfliteType.Float16 or TfliteType.Float64 or TfliteType.BFloat16;

    /// <summary>The converter's type. 0 if there is none.</summary>
    public ElementType Element => IsReal ? ElementType.Float32 : Type switch
    {
        TfliteType.Int32 or TfliteType.Int16 or TfliteType.UInt16 => ElementType.Int32,
        TfliteType.Int64 or TfliteType.UInt32 or TfliteType.UInt64 => ElementType.Int64,
        TfliteType.UInt8 => ElementType.UInt8,
        TfliteType.Int8 or TfliteType.Int4 => ElementType.Int8,
        TfliteType.Bool => ElementType.Bool,
        _ => 0,
    };

    /// <summary>The smallest and largest of its integers.</summary>
    public (long Least, long Most) Range => Type switch
    {
        TfliteType.UInt8 => (byte.MinValue, byte.MaxValue),
        TfliteType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        TfliteType.Int16 => (short.MinValue, short.MaxValue),
        TfliteType.Int4 => (-8, 7),
        _ => (int.MinValue, int.MaxValue),
    };
}

/// <summary>The meaning of integers: scale · (q - zero), with one scale and zero for all or for each index along an axis.</summary>
internal sealed record TfliteSteps(float[] Scales, long[] Zeros, int Axis)
{
    public long Zero(int index) => Zeros.Length == 0 ? 0 : Zeros[Zeros.Length == 1 ? 0 : index];

    public float Scale(int index) => Scales[Scales.Length == 1 ? 0 : index];
}

/// <summary>An operator.</summary>
/// <param name="Name">Its name in the schema, or the name that it was given if it is not in the schema.</param>
/// <param name="IsCustom">Whether it is not in the schema.</param>
/// <param name="Inputs">Its inputs. -1 for an omitted one.</param>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Options">Its options.</param>
/// <param name="MoreOptions">Options of operators that came late.</param>
/// <param name="Custom">Options of a custom operator.</param>
internal sealed record TfliteOperator(string Name, bool IsCustom, int[] Inputs, int[] Outputs, FlatTable Options, FlatTable MoreOptions, ReadOnlyMemory<byte> Custom);
