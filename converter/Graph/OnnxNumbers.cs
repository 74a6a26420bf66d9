namespace SeqRuntime.Converter.Graph;

/// <summary>Element types with ONNX's numbers.</summary>
internal enum OnnxType
{
    Float = 1, UInt8 = 2, Int8 = 3, UInt16 = 4, Int16 = 5, Int32 = 6, Int64 = 7, Bool = 9, Float16 = 10, Double = 11, UInt32 = 12, UInt64 = 13, BFloat16 = 16, UInt4 = 21, Int4 = 22,
}

/// <summary>Translates ONNX's numbers of element types, which occur in attributes.</summary>
internal static class OnnxNumbers
{
    /// <summary>The runtime's type for one of ONNX's. 0 if there is none.</summary>
    public static ElementType TypeOf(int onnxType) => (OnnxType)onnxType switch
    {
        OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16 => ElementType.Float32,
        OnnxType.UInt8 or OnnxType.UInt4 => ElementType.UInt8,
        OnnxType.Int8 or OnnxType.Int4 => ElementType.Int8,
        OnnxType.Int32 or OnnxType.Int16 or OnnxType.UInt16 => ElementType.Int32,
        OnnxType.Int64 or OnnxType.UInt32 or OnnxType.UInt64 => ElementType.Int64,
        OnnxType.Bool => ElementType.Bool,
        OnnxType.Double => ElementType.Float64,
        _ => 0,
    };

    /// <summary>ONNX's types in the order of their numbers: the short names of operators.txt and the names for messages.</summary>
    private static readonly (string Code, string Name)[] s_names =
    [
        ("", ""), ("f32", "float32"), ("u8", "uint8"), ("i8", "int8"), ("u16", "uint16"), ("i16", "int16"), ("i32", "int32"), ("i64", "int64"), ("str", "string"), ("bool", "bool"), ("f16", "float16"), ("f64", "float64"), ("u32", "uint32"),
        ("u64", "uint64"), ("c64", "complex64"), ("c128", "complex128"), ("bf16", "bfloat16"), ("f8a", "float8e4m3fn"), ("f8b", "float8e4m3fnuz"), ("f8c", "float8e5m2"), ("f8d", "float8e5m2fnuz"), ("u4", "uint4"), ("i4", "int4"), ("f4", "float4e2m1"),
        ("f8e", "float8e8m0"), ("u2", "uint2"), ("i2", "int2"),
    ];

    /// <summary>The short name of one of ONNX's types. Null if there is none.</summary>
    public static string? TypeCode(int onnxType) => onnxType > 0 && onnxType < s_names.Length ? s_names[onnxType].Code : null;

    /// <summary>The name for messages of a short name.</summary>
    public static string LongName(string code) => Array.Find(s_names, n => n.Code == code).Name ?? code;

    /// <summary>The name of a type for messages.</summary>
    public static string NameOf(int onnxType) => onnxType > 0 && onnxType < s_names.Length ? s_names[onnxType].Name : $"{onnxType}, which ONNX does not have";
}
