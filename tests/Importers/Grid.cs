namespace SeqRuntime.Tests.Importers;

/// <summary>Numbers with a shape, for plain computations of what a layer does.</summary>
internal sealed record Grid(int[] Shape, double[] Values)
{
    public double this[params ReadOnlySpan<int> index]
    {
        get
        {
            Assert.Equal(Shape.Length, index.Length);
            var at = 0;
            for (var axis = 0; axis < index.Length; axis++) at = at * Shape[axis] + index[axis];
            return Values[at];
        }
    }

    /// <summary>A grid whose elements are computed from their indices.</summary>
    public static Grid Of(int[] shape, Func<int[], double> element)
    {
        var values = new double[Numbers.Count(shape)];
        var index = new int[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            for (int axis = shape.Length - 1, rest = i; axis >= 0; axis--)
            {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }

            values[i] = element(index);
        }

        return new Grid(shape, values);
    }

    public static Grid Random(int seed, params int[] shape) => new(shape, Numbers.Doubles(Numbers.Random(seed, Numbers.Count(shape))));

    /// <summary>Random weights of a file.</summary>
    public static Grid Weight(KerasFile file, string path, params int[] shape) => new(shape, file.Weight(path, shape));

    /// <summary>The element, or zero outside.</summary>
    public double Or(double outside, params ReadOnlySpan<int> index)
    {
        for (var axis = 0; axis < index.Length; axis++)
        {
            if (index[axis] < 0 || index[axis] >= Shape[axis]) return outside;
        }

        return this[index];
    }

    public Grid Map(Func<double, double> function) => this with { Values = Array.ConvertAll(Values, v => function(v)) };

    /// <summary>Whether a file with one more layer gives these values.</summary>
    public void IsOf(KerasFile file, string kind, string config, Grid x)
    {
        using var model = file.Layer(kind, $"\"name\": \"l\", {config}{(config.Length > 0 ? ", " : "")}\"batch_input_shape\": [{string.Join(", ", x.Shape)}]").Load();
        IsOf(model, x);
    }

    /// <summary>Whether a model of fixed sizes gives these values for its inputs.</summary>
    public void IsOf(SeqModel model, params Grid[] inputs)
    {
        using var session = model.CreateSession();
        foreach (var (i, input) in inputs.Index()) Array.ConvertAll(input.Values, v => (float)v).CopyTo(session.Input<float>(i));
        session.Run();
        IsIn(session, 0);
    }

    /// <summary>Whether an output has these values and this shape.</summary>
    public void IsIn(SeqSession session, int output)
    {
        Assert.Equal(Shape, session.Outputs[output].Shape.ToArray());
        Numbers.Near(Values, session.Output<float>(output), tolerance: 3e-6, relative: 3e-6);
    }
}
