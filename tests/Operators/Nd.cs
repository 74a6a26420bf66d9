using System.Numerics;

namespace SeqRuntime.Tests.Operators;

/// <summary>A dense array indexed by position. References are written with it directly from an operator's definition.</summary>
internal sealed record Nd<T>(int[] Shape, T[] Data)
    where T : unmanaged
{
    public int Rank => Shape.Length;

    public T this[params int[] index] => Data[Nd.Offset(Shape, index)];

    public Nd<TTo> Map<TTo>(Func<T, TTo> f)
        where TTo : unmanaged => new(Shape, Array.ConvertAll(Data, x => f(x)));
}

/// <summary>Makes, enumerates and compares arrays.</summary>
internal static class Nd
{
    /// <summary>The array of a shape whose element at each index is <paramref name="element"/> of it.</summary>
    public static Nd<T> Build<T>(int[] shape, Func<int[], T> element)
        where T : unmanaged => new(shape, [.. Indices(shape).Select(element)]);

    /// <summary>1, 2, 3 … up to the type's limit, then on from its other limit.</summary>
    public static Nd<T> Numbered<T>(params int[] shape)
        where T : unmanaged, INumber<T> => new(shape, [.. Enumerable.Range(1, Numbers.Count(shape)).Select(T.CreateTruncating)]);

    /// <summary>Whole numbers in [least, most].</summary>
    public static Nd<T> Random<T>(Random random, int[] shape, int least, int most)
        where T : unmanaged, INumber<T> => new(shape, [.. Enumerable.Range(0, Numbers.Count(shape)).Select(_ => T.CreateTruncating(random.Next(least, most + 1)))]);

    /// <summary>Fractions in [-scale, scale).</summary>
    public static Nd<float> Random(Random random, int[] shape, float scale = 1) => new(shape, Numbers.Random(random, Numbers.Count(shape), scale));

    /// <summary>Sizes from 0 (rarely) to 5.</summary>
    public static int[] Shape(Random random, int rank, bool withEmpty = true) =>
        [.. Enumerable.Range(0, rank).Select(_ => withEmpty && random.Next(12) == 0 ? 0 : random.Next(1, 6))];

    public static int Offset(int[] shape, int[] index)
    {
        var offset = 0;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            Assert.InRange(index[axis], 0, shape[axis] - 1);
            offset = offset * shape[axis] + index[axis];
        }

        return offset;
    }

    /// <summary>Every index of a shape in row-major order.</summary>
    public static IEnumerable<int[]> Indices(int[] shape)
    {
        var count = Numbers.Count(shape);
        for (var i = 0; i < count; i++)
        {
            var index = new int[shape.Length];
            for (int axis = shape.Length - 1, rest = i; axis >= 0; rest /= shape[axis--]) index[axis] = rest % shape[axis];
            yield return index;
        }
    }

    /// <summary>A copy of <paramref name="index"/> with another number on one axis.</summary>
    public static int[] With(int[] index, int axis, int value)
    {
        var result = (int[])index.Clone();
        result[axis] = value;
        return result;
    }

    /// <summary>The shape of arrays broadcast together, by NumPy's rule.</summary>
    public static int[] Broadcast(params int[][] shapes)
    {
        var rank = shapes.Max(s => s.Length);
        return [.. Enumerable.Range(0, rank).Select(axis => shapes.Select(s => axis - rank + s.Length is >= 0 and var own ? s[own] : 1).Aggregate(1, (a, b) => a == 1 ? b : a))];
    }

    /// <summary>The element at an index of the broadcast shape.</summary>
    public static T At<T>(this Nd<T> array, int[] index)
        where T : unmanaged => array[[.. array.Shape.Select((size, axis) => size == 1 ? 0 : index[index.Length - array.Rank + axis])]];

    /// <summary>A shape that broadcasts to <paramref name="shape"/>: some axes are 1, some outer ones are missing.</summary>
    public static int[] Narrowed(Random random, int[] shape)
    {
        var kept = shape.Skip(random.Next(3) == 0 ? random.Next(shape.Length + 1) : 0);
        return [.. kept.Select(size => random.Next(3) == 0 ? 1 : size)];
    }

    public static OperatorHarness Dense<T>(this OperatorHarness harness, Nd<T> array)
        where T : unmanaged => harness.Dense(array.Shape, array.Data);

    /// <summary>An input list of known integers, such as axes.</summary>
    public static OperatorHarness Integers(this OperatorHarness harness, params int[] values) => harness.Dense([values.Length], Array.ConvertAll(values, v => (long)v));

    /// <summary>A known integer without dimensions.</summary>
    public static OperatorHarness Scalar<T>(this OperatorHarness harness, T value)
        where T : unmanaged => harness.Dense([], value);

    /// <summary>The same type, shape and elements.</summary>
    public static void Same<T>(Nd<T> expected, OperatorHarness.Result actual)
        where T : unmanaged
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.Data, actual.As<T>());
    }
}
