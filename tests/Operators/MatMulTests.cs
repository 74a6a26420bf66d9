using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class MatMulTests
{
    [Theory]
    [InlineData("3", "3", "")]
    [InlineData("3", "3 4", "4")]
    [InlineData("2 3", "3", "2")]
    [InlineData("2 3", "3 4", "2 4")]
    [InlineData("5 2 3", "3 4", "5 2 4")]
    [InlineData("2 3", "5 3 4", "5 2 4")]
    [InlineData("5 1 2 3", "4 3 17", "5 4 2 17")]
    [InlineData("1 4 7 20", "6 1 20 33", "6 4 7 33")]
    [InlineData("3", "5 3 4", "5 4")]
    [InlineData("5 2 3", "3", "5 2")]
    [InlineData("0 3", "3 4", "0 4")]
    [InlineData("2 0", "0 4", "2 4")]
    public void Follows_numpyxs_broadcasting(string shapeA, string shapeB, string shapeY)
    {
        int[] a = Parse(shapeA), b = Parse(shapeB);
        var random = new Random(1);
        var x = Numbers.Random(random, Numbers.Count(a));
        var w = Numbers.Random(random, Numbers.Count(b));
        var result = new OperatorHarness().Dense(a, x).Dense(b, w).Run(new MatMul())[0];
        Assert.Equal(Parse(shapeY), result.Shape);
        Numbers.Close(Naive(a, x, b, w), result.As<float>(), 1e-5, "Y");
        var integers = new OperatorHarness().Dense(a, Array.ConvertAll(x, v => (long)(v * 100))).Dense(b, Array.ConvertAll(w, v => (long)(v * 100))).Run(new MatMul())[0];
        var expected = Naive(a, Array.ConvertAll(x, v => (float)(long)(v * 100)), b, Array.ConvertAll(w, v => (float)(long)(v * 100)));
        Assert.Equal(Array.ConvertAll(expected, v => (long)v), integers.As<long>());
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2, 3], new float[6]).Dense([4, 2], new float[8]).Run(new MatMul()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2, 1, 3], new float[6]).Dense([3, 3, 1], new float[9]).Run(new MatMul()));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2, 3], new float[6]).Dense([3, 2], new double[6]).Run(new MatMul()));
    }

    private static double[] Naive(int[] shapeA, float[] a, int[] shapeB, float[] b)
    {
        int[] fullA = shapeA.Length == 1 ? [1, .. shapeA] : shapeA, fullB = shapeB.Length == 1 ? [.. shapeB, 1] : shapeB;
        var rank = Math.Max(fullA.Length, fullB.Length);
        fullA = [.. Enumerable.Repeat(1, rank - fullA.Length), .. fullA];
        fullB = [.. Enumerable.Repeat(1, rank - fullB.Length), .. fullB];
        int m = fullA[^2], k = fullA[^1], n = fullB[^1];
        var batch = Enumerable.Range(0, rank - 2).Select(i => Math.Max(fullA[i], fullB[i])).ToArray();
        var y = new double[Numbers.Count(batch) * m * n];
        for (var index = 0; index < Numbers.Count(batch); index++)
        {
            int rest = index, offsetA = 0, offsetB = 0, strideA = m * k, strideB = k * n;
            for (var axis = rank - 3; axis >= 0; axis--)
            {
                var position = rest % batch[axis];
                rest /= batch[axis];
                if (fullA[axis] > 1) offsetA += position * strideA;
                if (fullB[axis] > 1) offsetB += position * strideB;
                strideA *= fullA[axis];
                strideB *= fullB[axis];
            }

            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    for (var c = 0; c < k; c++) y[(index * m + i) * n + j] += (double)a[offsetA + i * k + c] * b[offsetB + c * n + j];
                }
            }
        }

        return y;
    }

    private static int[] Parse(string shape) => [.. shape.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
}
