using System.Runtime.CompilerServices;

namespace SeqRuntime;

/// <summary>Element type of a dense tensor. Values are part of the file format and never change meaning.</summary>
public enum ElementType : byte
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32 = 1,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,

    /// <summary>Boolean: one byte, 0 or 1.</summary>
    Bool = 9,

    /// <summary>IEEE 754 binary64.</summary>
    Float64 = 11,
}

/// <summary>Properties of an <see cref="ElementType"/>.</summary>
internal static class ElementTypes
{
    /// <summary>Size of one element in bytes. 0 for an invalid type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.Int32 => 4,
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.Int64 or ElementType.Float64 => 8,
        _ => 0,
    };

    /// <summary>The usual name of the type, such as float32 or int64.</summary>
    public static string Name(this ElementType type) => type switch
    {
        ElementType.Float32 => "float32",
        ElementType.UInt8 => "uint8",
        ElementType.Int8 => "int8",
        ElementType.Int32 => "int32",
        ElementType.Int64 => "int64",
        ElementType.Bool => "bool",
        ElementType.Float64 => "float64",
        _ => $"unknown type {(int)type}",
    };

    /// <summary>The element type that stores <typeparamref name="T"/>, or 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ElementType Of<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return ElementType.Float32;
        if (typeof(T) == typeof(byte)) return ElementType.UInt8;
        if (typeof(T) == typeof(sbyte)) return ElementType.Int8;
        if (typeof(T) == typeof(int)) return ElementType.Int32;
        if (typeof(T) == typeof(long)) return ElementType.Int64;
        if (typeof(T) == typeof(bool)) return ElementType.Bool;
        if (typeof(T) == typeof(double)) return ElementType.Float64;
        return 0;
    }
}
