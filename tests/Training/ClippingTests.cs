using SeqRuntime.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Tests;

/// <summary>The effect of clipping on a gradient, and its purpose.</summary>
[Collection(Native.Alone)]
public sealed class ClippingTests
{
    private const int Steps = 60;

    /// <summary>The value to remember is max(x, 0) with x uniform in [-1, 1]. This is the error of always answering the mean.</summary>
    private const double Variance = 5.0 / 48;

    [Fact]
    public void By_norm_keeps_the_direction_and_by_value_does_not()
    {
        using var scope = NewDisposeScope();
        float[][] gradients = [[3, -40, 0.5f], [12, 0.01f]];
        double length = Math.Sqrt(gradients.SelectMany(g => g).Sum(g => (double)g * g));

        var byNorm = With(gradients);
        Assert.Equal(length, new Clipping(Value: null, 2).Apply(byNorm), 1e-4);
        Assert.Equal(2, Clipping.GradientNorm(byNorm), 1e-5);
        Assert.Equal(1, Cosine(gradients, byNorm), 1e-9);

        var byValue = With(gradients);
        new Clipping(2, Norm: null).Apply(byValue);
        Assert.Equal([2, -2, 0.5f, 2, 0.01f], Flat(byValue));
        Assert.True(Cosine(gradients, byValue) < 0.9);

        var untouched = With(gradients);
        new Clipping(50, 100).Apply(untouched);
        Assert.Equal(gradients.SelectMany(g => g), Flat(untouched));
        Assert.Equal(length, Clipping.Off.Apply(untouched), 1e-4);
    }

    /// <summary>
    /// The task is to remember the first of 60 inputs to the end. The gradient through a recurrent matrix slightly above the identity grows with
    /// every step. Without clipping, the first updates destroy the weights; with either clipping, the task is learned.
    /// </summary>
    [Fact]
    public void A_long_dependency_diverges_without_and_trains_with_either()
    {
        var without = Train(Clipping.Off);
        Assert.True(!double.IsFinite(without[^1]) || without[^1] > 1000 * without[0], $"it did not diverge: {without[0]} to {without[^1]}");
        foreach (var clipping in new[] { new Clipping(Value: null, 0.5), new Clipping(0.05, Norm: null) })
        {
            var losses = Train(clipping);
            var end = losses[^20..].Average();
            Assert.True(end < 0.2 * Variance, $"{clipping}: {losses[0]} to {end}");
        }
    }

    private static double[] Train(Clipping clipping)
    {
        const int hidden = 16, batch = 32, updates = 500;
        using var outer = NewDisposeScope();
        random.manual_seed(3);
        using Scalar eye = 1.04, small = 0.2, two = 2;
        var input = new Parameter(randn(hidden, 1) * small);
        var recurrent = new Parameter(TorchSharp.torch.eye(hidden) * eye);
        var output = new Parameter(randn(1, hidden) * small);
        Parameter[] parameters = [input, recurrent, output];
        using var optimizer = optim.SGD(parameters, 0.02);
        var losses = new List<double>();
        for (var update = 0; update < updates; update++)
        {
            using var scope = NewDisposeScope();
            var x = rand(batch, Steps) * two - ones(batch, Steps);
            var first = x.narrow(1, 0, 1);
            var noise = x * small;
            var h = zeros(batch, hidden);
            for (var t = 0; t < Steps; t++) h = (matmul(t == 0 ? first : noise.narrow(1, t, 1) * small, input.t()) + matmul(h, recurrent.t())).relu();
            var loss = nn.functional.mse_loss(matmul(h, output.t()), first.relu());
            losses.Add(loss.item<float>());
            if (!double.IsFinite(losses[^1])) break;
            optimizer.zero_grad();
            loss.backward();
            clipping.Apply(parameters);
            optimizer.step();
        }

        return [.. losses];
    }

    private static Parameter[] With(float[][] gradients) => [.. gradients.Select(g =>
    {
        var parameter = new Parameter(zeros(g.Length));
        parameter.grad = tensor(g);
        return parameter;
    })];

    private static float[] Flat(Parameter[] parameters) => [.. parameters.SelectMany(p => p.grad!.data<float>().ToArray())];

    private static double Cosine(float[][] before, Parameter[] after)
    {
        var (a, b) = (before.SelectMany(g => g).Select(g => (double)g).ToArray(), Flat(after).Select(g => (double)g).ToArray());
        double Dot(double[] x, double[] y) => x.Zip(y, (p, q) => p * q).Sum();
        return Dot(a, b) / Math.Sqrt(Dot(a, a) * Dot(b, b));
    }
}
