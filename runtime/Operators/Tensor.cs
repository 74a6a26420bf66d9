using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>A graph's value for operators: type, current shape, and the address of its bytes. Constants are shared by all sessions; other values belong to one session.</summary>
internal sealed unsafe class Tensor
{
    private Shape _shape;

    /// <summary>The value's name in the graph, for messages.</summary>
    public string Name { get; init; } = "";

    public ElementType Type { get; private set; }

    public TensorFormat Format { get; init; }

    /// <summary>First byte. The memory planner sets it. Dense data may be read up to <see cref="Kernels.KernelSet.ReadSlack"/> bytes past its end.</summary>
    public byte* Data { get; set; }

    /// <summary>Bytes planned for <see cref="Data"/>. The session refuses a shape that needs more.</summary>
    public long Capacity { get; set; }

    /// <summary>The number of elements of the current shape.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the content of <see cref="Data"/> is already valid when shapes are inferred: for constants, and values computed from shapes only.</summary>
    public bool IsKnown { get; set; }

    /// <summary>Layout of each packed matrix, if <see cref="Format"/> is packed.</summary>
    public WeightLayout Layout { get; init; } = WeightLayout.None;

    /// <summary>The number of consecutive packed matrices: the groups of a convolution, otherwise 1.</summary>
    public int PackedCount { get; init; } = 1;

    /// <summary>Scales and sums of rows that the file has in another form.</summary>
    public NarrowRows? Rows { get; init; }

    public ref readonly Shape Shape => ref _shape;

    public int Rank => _shape.Rank;

    public long Bytes { get; private set; }

    public float* Floats => (float*)Data;

    /// <summary>A constant of a file. Its bytes are not copied.</summary>
    public static Tensor Of(StoredTensor stored)
    {
        var tensor = new Tensor
        {
            Name = stored.Name,
            Format = stored.Format,
            Layout = stored.Layout,
            PackedCount = stored.Count,
            Rows = stored.Format == TensorFormat.Dense ? null : stored.Layout.Format.Expand(stored.Layout, stored.Count, stored.Data),
            Data = stored.Data,
            Capacity = stored.Bytes,
            IsKnown = true,
        };
        tensor.Set(stored.Type, stored.Shape);
        return tensor;
    }

    /// <summary>Packed matrix <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public PackedMatrix Matrix(int index)
    {
        var first = index == 0 ? Data : Data + index * Layout.Stride;
        return Rows is { } rows ? new PackedMatrix(first, Layout, rows.Scales(index), rows.Sums(index)) : PackedMatrix.Whole(first, Layout);
    }

    /// <summary>Sets type and shape. An operator's Infer calls it for outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Set(ElementType type, Shape shape)
    {
        Count = shape.Count;
        Bytes = (long)Count * type.Size();
        Type = type;
        _shape = shape;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<T> AsSpan<T>()
        where T : unmanaged => new(Data, Count);

    /// <summary>Element <paramref name="index"/> of an int32 or int64 tensor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public long Integer(int index) => Type switch
    {
        ElementType.Int64 => AsSpan<long>()[index],
        ElementType.Int32 => AsSpan<int>()[index],
        _ => throw OperatorError.Type(this, "int32 or int64"),
    };
}
